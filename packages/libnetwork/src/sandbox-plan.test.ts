import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCidr, parseIpv4 } from '@calico-node/model'
import { planSandbox, type Sibling } from './sandbox-plan.ts'

const ALL = ['0.0.0.0/0']
const sibling = (n: number, ...pools: string[]): Sibling => ({ nextHop: parseIpv4(`169.254.1.${n}`), pools })
const automatic = ['10.0.0.0/16', '10.1.0.0/16', 'fd00::/64'].map(parseCidr)

describe('planSandbox()', () => {
  const rows: [why: string, pools: string[], siblings: Sibling[], nextHop: string, mac: string, routes: string[]][] = [
    ['all pools', ALL, [], '1', 'ee', ['10.0.0.0/16', '10.1.0.0/16']],
    ['all pools of both families', [...ALL, '::/0'], [], '1', 'ee', ['10.0.0.0/16', '10.1.0.0/16', 'fd00::/64']],
    ['one pool', ['10.2.0.0/16'], [], '1', 'ee', ['10.2.0.0/16']],
    ['a pool of each family', ['10.2.0.0/16', 'fd01::/64'], [], '1', 'ee', ['10.2.0.0/16', 'fd01::/64']],
    ['the second network', ['10.2.0.0/16'], [sibling(1, ...ALL)], '2', 'ef', ['10.2.0.0/16']],
    [
      'the first gap',
      ALL,
      [sibling(1, '10.2.0.0/16'), sibling(3, '10.3.0.0/16')],
      '2',
      'ef',
      ['10.0.0.0/16', '10.1.0.0/16'],
    ],
    ['a network that nothing is known of', [], [sibling(1)], '2', 'ef', []],
  ]
  for (const [why, pools, siblings, nextHop, mac, routes] of rows) {
    test(why, () => {
      const plan = planSandbox({ pools, siblings, automatic })
      assert.deepEqual(plan, { nextHop: `169.254.1.${nextHop}`, mac: `ee:ee:ee:ee:ee:${mac}`, routes })
    })
  }

  test('refuses networks that cannot be told apart', () => {
    const refuses = (pools: string[], other: string[], message: RegExp): void =>
      assert.throws(() => planSandbox({ pools, siblings: [sibling(1, ...other)], automatic }), { message })
    refuses(ALL, ALL, /share addresses \(10\.0\.0\.0\/16\): give one of them a pool of its own, .* as --subnet/)
    refuses(['10.2.0.0/16', '::/0'], [...ALL, '::/0'], /fd00::\/64/)
    refuses(['10.2.0.0/16'], ['10.2.0.0/16'], /10\.2\.0\.0\/16/)
    refuses(['10.1.0.0/16'], ALL, /10\.1\.0\.0\/16/)
    refuses(ALL, ['10.1.0.0/16'], /10\.1\.0\.0\/16/)
  })

  test('gives each of many endpoints a next hop and a MAC of its own, and says when there are none left', () => {
    const siblings: Sibling[] = []
    const macs = new Set<string>()
    for (let n = 1; n <= 254; n++) {
      const { nextHop, mac } = planSandbox({ pools: [], siblings, automatic })
      siblings.push({ nextHop, pools: [] })
      macs.add(mac)
    }
    assert.deepEqual([macs.size, new Set(siblings.map(({ nextHop }) => nextHop)).size], [254, 254])
    assert.throws(() => planSandbox({ pools: [], siblings, automatic }), { message: /more than 254 networks/ })
  })
})
