import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveNodeName } from './node-name.ts'

type Sources = [nodename: string | undefined, file: string | undefined, variable: string | undefined, host: string]

describe('resolveNodeName()', () => {
  const cases: [why: string, sources: Sources, name: string, source: string][] = [
    ['NODENAME wins', ['a', 'b', 'c', 'd'], 'a', 'NODENAME'],
    ['the file is next', [undefined, 'b\n', 'c', 'd'], 'b', 'the node-name file'],
    ['then HOSTNAME', [undefined, undefined, 'c', 'd'], 'c', 'HOSTNAME'],
    ['then the host name', [undefined, undefined, undefined, 'd'], 'd', 'the host name'],
    ['a blank value counts as absent', ['  ', '\n', ' ', 'd'], 'd', 'the host name'],
    ['names are trimmed and folded to lower case', [' Host-A.Example ', 'b', 'c', 'd'], 'host-a.example', 'NODENAME'],
  ]
  for (const [why, [nodename, file, hostnameVariable, hostName], name, source] of cases) {
    test(why, () => assert.deepEqual(resolveNodeName({ nodename, file, hostnameVariable, hostName }), { name, source }))
  }
  test('refuses a name that no node may have, naming where it came from', () => {
    assert.throws(
      () => resolveNodeName({ nodename: 'under_score', file: undefined, hostnameVariable: undefined, hostName: 'd' }),
      { code: 'INVALID', message: /NODENAME "under_score"/ },
    )
  })
  test('refuses a host without any name', () => {
    assert.throws(
      () => resolveNodeName({ nodename: undefined, file: undefined, hostnameVariable: undefined, hostName: '' }),
      { code: 'INVALID' },
    )
  })
})
