import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseIp } from '@calico-node/model'
import { LinkState, type LinkDump } from './link-state.ts'
import type { LinkEvent } from './ports.ts'

/** Interfaces as `name[index]`, with `-` in front when down, and their addresses. */
type Picture = Record<string, readonly string[]>

function dumpOf(picture: Picture): LinkDump {
  const entries = Object.entries(picture).map(([key, ips]) => {
    const [, down, name = '', index = '1'] = /^(-?)(\w+)\[(\d+)\]$/.exec(key) ?? []
    return { link: { name, index: Number(index), operUp: down === '', mtuBytes: 1500 }, ips }
  })
  const flags = { secondary: false, deprecated: false, temporary: false, tentative: false }
  return {
    complete: true,
    links: entries.map(({ link }) => link),
    addresses: entries.flatMap(({ link, ips }) =>
      ips.map((ip) => ({ dev: link.name, ip: parseIp(ip), prefixLength: 24, scope: 'global' as const, ...flags })),
    ),
  }
}

function told(event: LinkEvent): string {
  switch (event.kind) {
    case 'link':
      return event.link === undefined ? `${event.name} gone` : `${event.name} ${event.link.operUp ? 'up' : 'down'}`
    case 'addresses':
      return `${event.name} has ${[...event.addresses].join(' ') || 'nothing'}`
    default:
      return event.kind
  }
}

describe('LinkState, holding losses back for 100 ms', () => {
  const stories: [why: string, steps: [atMs: number, picture: Picture, events: string[]][]][] = [
    [
      'tells the first dump whole',
      [[0, { 'eth0[1]': ['192.0.2.1'], '-eth1[2]': [] }, ['eth0 up', 'eth0 has 192.0.2.1', 'eth1 down']]],
    ],
    [
      'says nothing twice',
      [
        [0, { 'eth0[1]': ['192.0.2.1'] }, ['eth0 up', 'eth0 has 192.0.2.1']],
        [1, { 'eth0[1]': ['192.0.2.1'] }, []],
      ],
    ],
    [
      'believes a gained address at once',
      [
        [0, { 'eth0[1]': [] }, ['eth0 up']],
        [1, { 'eth0[1]': ['192.0.2.1'] }, ['eth0 has 192.0.2.1']],
      ],
    ],
    [
      'believes a lost address only after the time',
      [
        [0, { 'eth0[1]': ['192.0.2.1'] }, ['eth0 up', 'eth0 has 192.0.2.1']],
        [10, { 'eth0[1]': [] }, []],
        [109, { 'eth0[1]': [] }, []],
        [110, { 'eth0[1]': [] }, ['eth0 has nothing']],
      ],
    ],
    [
      'forgets a loss that was made good',
      [
        [0, { 'eth0[1]': ['192.0.2.1'] }, ['eth0 up', 'eth0 has 192.0.2.1']],
        [10, { 'eth0[1]': [] }, []],
        [50, { 'eth0[1]': ['192.0.2.1'] }, []],
        [60, { 'eth0[1]': [] }, []],
        [120, { 'eth0[1]': [] }, []],
        [160, { 'eth0[1]': [] }, ['eth0 has nothing']],
      ],
    ],
    [
      'tells a new address while an old one is held',
      [
        [0, { 'eth0[1]': ['192.0.2.1'] }, ['eth0 up', 'eth0 has 192.0.2.1']],
        [10, { 'eth0[1]': ['192.0.2.2'] }, ['eth0 has 192.0.2.2 192.0.2.1']],
        [110, { 'eth0[1]': ['192.0.2.2'] }, ['eth0 has 192.0.2.2']],
      ],
    ],
    [
      'believes lost carrier only after the time, and regained at once',
      [
        [0, { 'cali1[5]': [] }, ['cali1 up']],
        [10, { '-cali1[5]': [] }, []],
        [110, { '-cali1[5]': [] }, ['cali1 down']],
        [120, { 'cali1[5]': [] }, ['cali1 up']],
      ],
    ],
    [
      'believes at once that an interface is gone',
      [
        [0, { 'cali1[5]': [] }, ['cali1 up']],
        [1, {}, ['cali1 gone']],
      ],
    ],
    [
      'takes a new interface of an old name for what it is',
      [
        [0, { 'cali1[5]': ['192.0.2.1'] }, ['cali1 up', 'cali1 has 192.0.2.1']],
        [1, { '-cali1[6]': [] }, ['cali1 gone', 'cali1 down']],
      ],
    ],
    [
      'tells a rename as one gone and one new',
      [
        [0, { 'cali1[5]': [] }, ['cali1 up']],
        [1, { 'cali2[5]': [] }, ['cali2 up', 'cali1 gone']],
      ],
    ],
  ]
  for (const [why, steps] of stories) {
    test(why, () => {
      const state = new LinkState({ holdMs: 100 })
      for (const [atMs, picture, events] of steps)
        assert.deepEqual(state.absorb(dumpOf(picture), atMs).map(told), events, `at ${atMs} ms`)
    })
  }
  test('asks to be looked at when the first loss must be believed', () => {
    const state = new LinkState({ holdMs: 100 })
    state.absorb(dumpOf({ 'eth0[1]': ['192.0.2.1', '192.0.2.2'] }), 0)
    assert.equal(state.dueAt(), undefined)
    state.absorb(dumpOf({ 'eth0[1]': ['192.0.2.1'] }), 10)
    state.absorb(dumpOf({ 'eth0[1]': [] }), 30)
    assert.equal(state.dueAt(), 110)
  })
  test('takes nothing for lost that an incomplete dump lacks, and all that it shows', () => {
    const state = new LinkState({ holdMs: 100 })
    state.absorb(dumpOf({ 'cali1[5]': ['192.0.2.1'], 'cali2[6]': [] }), 0)
    const partial = { ...dumpOf({ 'cali1[5]': [], 'cali3[7]': [] }), complete: false }
    assert.deepEqual(state.absorb(partial, 500).map(told), ['cali3 up'])
    assert.deepEqual(state.absorb(partial, 900).map(told), [])
    assert.deepEqual(state.absorb(dumpOf({ 'cali1[5]': [], 'cali3[7]': [] }), 901).map(told), [
      'cali1 has nothing',
      'cali2 gone',
    ])
  })
  test('leaves the addresses of excluded interfaces alone', () => {
    const state = new LinkState({ holdMs: 100, tracksAddresses: (name) => name !== 'kube' })
    assert.deepEqual(state.absorb(dumpOf({ 'kube[1]': ['192.0.2.1'] }), 0).map(told), ['kube up'])
  })
})
