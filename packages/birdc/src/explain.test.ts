import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { explainSession, mayProbe } from './explain.ts'
import { readOpen, type ProbeResult } from './probe.ts'
import type { BirdProtocolDetail } from './protocols.ts'

const session = (bgpState: string, lastError?: string, state = 'start'): BirdProtocolDetail => ({
  name: 'Mesh_10_0_0_2',
  proto: 'BGP',
  table: 'master',
  state,
  since: '10:00:00',
  info: bgpState,
  routes: { imported: 0, exported: 0, preferred: 0 },
  bgp: {
    state: bgpState,
    neighborAs: 64_512,
    capabilities: [],
    session: [],
    ...(lastError !== undefined && { lastError }),
  },
})

describe('explainSession()', () => {
  const cases: [
    why: string,
    protocol: BirdProtocolDetail,
    probe: ProbeResult | undefined,
    expected: RegExp | undefined,
  ][] = [
    ['an established session', session('Established', 'Socket: Closed', 'up'), undefined, undefined],
    ['switched off', session('Down', undefined, 'down'), undefined, /switched off/],
    ['nobody there', session('Active'), { kind: 'refused' }, /^nobody listens on TCP port 179 of the peer$/],
    [
      'another AS',
      session('Active'),
      { kind: 'open', asNumber: 65_001 },
      /AS number 65001, and 64512 is configured here/,
    ],
    ['the right AS', session('Active'), { kind: 'open', asNumber: 64_512 }, /no attempt has failed yet/],
    [
      'our AS is wrong there',
      session('Idle', 'Received: Bad peer AS'),
      undefined,
      /expects another AS number of this node/,
    ],
    [
      'a stranger',
      session('Active', 'Socket: Connection closed'),
      { kind: 'closed' },
      /does not know .*; BIRD's last error: Socket/,
    ],
    ['silence', session('Connect'), { kind: 'silent' }, /no answer .*password/],
  ]
  for (const [why, protocol, probe, expected] of cases) {
    test(why, () => {
      const text = explainSession(protocol, probe)
      if (expected === undefined) assert.equal(text, undefined)
      else assert.match(text ?? '', expected)
    })
  }
  test('a handshake on its way is not probed', () => {
    assert.deepEqual(
      ['Active', 'OpenSent', 'OpenConfirm'].map((state) => mayProbe(session(state))),
      [true, false, false],
    )
  })
})

describe('readOpen()', () => {
  const open = (asField: number, parameters: readonly number[]): Buffer => {
    const body = [4, asField >> 8, asField & 255, 0, 90, 9, 9, 9, 9, parameters.length, ...parameters]
    return Buffer.from([...Array.from({ length: 16 }, () => 255), 0, 19 + body.length, 1, ...body])
  }
  test('takes the AS number of two bytes', () => {
    assert.deepEqual(readOpen(open(64_512, [])), { kind: 'open', asNumber: 64_512 })
  })
  test('prefers the one of four bytes, behind other capabilities', () => {
    const capabilities = [2, 10, 1, 2, 0, 1, 65, 4, 0, 1, 0, 10]
    assert.deepEqual(readOpen(open(23_456, capabilities)), { kind: 'open', asNumber: 65_546 })
  })
  test('waits for the rest, and takes a notification for a refusal', () => {
    const whole = open(64_512, [])
    for (let length = 0; length < whole.length; length++) assert.equal(readOpen(whole.subarray(0, length)), undefined)
    assert.deepEqual(readOpen(Buffer.from([...Array.from({ length: 16 }, () => 255), 0, 21, 3, 6, 5])), {
      kind: 'closed',
    })
  })
})
