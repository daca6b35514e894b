import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { effectiveCapabilities, findShortcomings, type Rights } from './rights.ts'

const status = (mask: string): string =>
  `Name:\tnode\nCapPrm:\t0000003fffffffff\nCapEff:\t${mask}\nCapBnd:\t0000003fffffffff\n`
const LEAST = effectiveCapabilities(status('0000000000003400'))
const ALL: Rights = { capabilities: LEAST, sysctlWritable: true, firstFreePort: 1024, readOnly: [] }

describe('effectiveCapabilities()', () => {
  const rows: [mask: string, names: string[]][] = [
    ['0000003fffffffff', ['NET_BIND_SERVICE', 'NET_ADMIN', 'NET_RAW']],
    ['0000000000003400', ['NET_BIND_SERVICE', 'NET_ADMIN', 'NET_RAW']],
    ['0000000000003000', ['NET_ADMIN', 'NET_RAW']],
    ['000001ffffffcfff', ['NET_BIND_SERVICE']],
    ['0000000000000000', []],
  ]
  for (const [mask, names] of rows) test(mask, () => assert.deepEqual([...effectiveCapabilities(status(mask))], names))
})

describe('findShortcomings()', () => {
  const rows: [why: string, rights: Partial<Rights>, withBird: boolean, fatal: string[], degraded: string[]][] = [
    ['the documented set is enough', {}, true, [], []],
    ['policy only needs no port', { capabilities: new Set(['NET_ADMIN', 'NET_RAW']) }, false, [], []],
    [
      'everything missing is named at once',
      { capabilities: new Set(), sysctlWritable: false, readOnly: ['/var/lib/calico'] },
      true,
      [
        'capability NET_ADMIN is missing, give --cap-add=NET_ADMIN',
        'capability NET_RAW is missing, give --cap-add=NET_RAW',
        'kernel parameters are read-only, give --volume=/proc/sys/net:/host/proc/sys/net',
        '/var/lib/calico is read-only, give --volume=/var/lib/calico:/var/lib/calico',
      ],
      ['BIRD cannot listen on port 179, give --cap-add=NET_BIND_SERVICE'],
    ],
    [
      'a host may have freed port 179',
      { capabilities: new Set(['NET_ADMIN', 'NET_RAW']), firstFreePort: 179 },
      true,
      [],
      [],
    ],
  ]
  for (const [why, rights, withBird, fatal, degraded] of rows) {
    test(why, () => assert.deepEqual(findShortcomings({ ...ALL, ...rights }, { withBird }), { fatal, degraded }))
  }
})
