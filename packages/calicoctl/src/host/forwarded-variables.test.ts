import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forwardedVariables } from './forwarded-variables.ts'

test('forwardedVariables() passes on what is meant for the node', () => {
  const passed = {
    CALICO_IPV4POOL_CIDR: '10.1.0.0/16',
    CALICO_ROUTER_ID: 'hash',
    CLUSTER_TYPE: 'test',
    FELIX_LOGSEVERITYSCREEN: 'Debug',
  }
  const kept = {
    AS: 'as',
    CALICO_ETCD_ENDPOINTS: 'http://e:1',
    CALICO_NETWORKING: 'false',
    CALICO_NODENAME_FILE: '/tmp/nodename',
    CALICO_LOG_DIR: '/tmp/log',
    CALICO_BIN: '/work/bin',
    CALICO_CONFD_TEMPLATES: '/tmp/templates',
    CALICO_EMPTY: '',
    ETCD_PASSWORD: 'p',
    PATH: '/bin',
  }
  assert.deepEqual(forwardedVariables({ ...kept, ...passed }), passed)
})
