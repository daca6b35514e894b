import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unknownVariables } from './unknown-names.ts'

const KNOWN = new Set(['CALICO_IPV4POOL_CIDR', 'ETCD_ENDPOINTS', 'FELIX_IPV6SUPPORT', 'FELIX_LOGSEVERITYSCREEN', 'IP'])

test("unknownVariables() names the near miss and spares everybody else's variables", () => {
  const names = [
    'CALICO_IPV4POOL_CDIR',
    'CALICO_ETCD_ENDPOINTS',
    'CALICO_IPV4POOL_CIDR',
    'FELIX_LogSeverityScreen',
    'FELIX_IPV6SUPORT',
    'CALICO_ZZZZ',
    'PATH',
    'FELIXNODE',
  ]
  assert.deepEqual(unknownVariables(names, KNOWN), [
    { name: 'CALICO_IPV4POOL_CDIR', nearest: 'CALICO_IPV4POOL_CIDR' },
    { name: 'CALICO_ZZZZ' },
    { name: 'FELIX_IPV6SUPORT', nearest: 'FELIX_IPV6SUPPORT' },
  ])
})
