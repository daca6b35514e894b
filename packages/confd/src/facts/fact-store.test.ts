import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KeyUpdate } from '@calico-node/datastore'
import { expand, type State } from '@calico-node/testkit'
import { scenarioSchema, updatesOf, type ScenarioInput } from '../testing/scenario.ts'
import { FactStore } from './fact-store.ts'

const NODE = (name: string, ip: string) => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'Node',
  metadata: { name },
  spec: { bgp: { ipv4Address: `${ip}/24` } },
})
const FILTER = '/calico/resources/v3/projectcalico.org/bgpfilters/f'
const stateOf = (input: Partial<ScenarioInput>): State =>
  new Map(
    updatesOf(scenarioSchema.parse({ about: '', node: 'host1', ...input })).map(({ key, kv }) => [
      key,
      kv?.value ?? '',
    ]),
  )

const states = [
  stateOf({
    resources: [NODE('host1', '10.0.0.1'), NODE('host2', '10.0.0.2')],
    blocks: { '10.1.0.0/26': 'pending', '10.2.0.0/26': 'confirmed' },
  }),
  stateOf({
    resources: [NODE('host1', '10.0.0.1')],
    blocks: { '10.1.0.0/26': 'confirmed' },
    stored: { [FILTER]: '{' },
  }),
  stateOf({
    resources: [NODE('host1', '10.0.0.9')],
    blocks: { '10.1.0.0/26': '' },
    stored: { [FILTER]: '{"kind":"BGPFilter","apiVersion":"projectcalico.org/v3","metadata":{"name":"f"},"spec":{}}' },
  }),
]

/** Walks a path of states as a watch would tell it. */
function walk(path: readonly State[]): FactStore {
  const store = new FactStore('host1')
  let before: State = new Map()
  for (const state of path) {
    const gone = [...before.keys()].filter((key) => !state.has(key)).map((key): KeyUpdate => ({ key, kv: undefined }))
    const put = [...state].map(
      ([key, value]): KeyUpdate => ({ key, kv: { key, value, createRevision: 1n, modRevision: 1n } }),
    )
    store.apply([...gone, ...put])
    before = state
  }
  return store
}

describe('a pool that Felix takes over', () => {
  const pool = (vxlanMode: string, cidr = '10.1.0.0/16') => ({
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: 'p' },
    spec: { cidr, vxlanMode },
  })
  const clock = { now: 0 }
  const start = (...modes: object[]): FactStore => {
    clock.now = 0
    const store = new FactStore('host1', () => clock.now)
    for (const mode of modes)
      store.apply(updatesOf(scenarioSchema.parse({ about: '', node: 'host1', resources: [mode] })))
    return store
  }
  const handedOver = (store: FactStore): string[] => [...store.facts().handedOver]

  test('stays with BIRD for ten seconds', () => {
    const store = start(pool('Never'), pool('Always'))
    assert.deepEqual([handedOver(store), store.dueInMs()], [['10.1.0.0/16'], 10_000])
    clock.now = 10_000
    assert.deepEqual([handedOver(store), store.dueInMs()], [[], undefined])
  })

  const others: [why: string, modes: object[]][] = [
    ['was encapsulated from the start', [pool('Always')]],
    ['only changed its mode of encapsulation', [pool('Always'), pool('CrossSubnet')]],
    ['went back to BIRD', [pool('Never'), pool('Always'), pool('Never')]],
    ['is another network now', [pool('Never'), pool('Always'), pool('Always', '10.2.0.0/16')]],
  ]
  for (const [why, modes] of others) {
    test(`but not one that ${why}`, () => assert.deepEqual(handedOver(start(...modes)), []))
  }
})

describe('FactStore', () => {
  for (const [how, path] of Object.entries(expand(states))) {
    test(`depends on the last state only: ${how}`, () => {
      const [walked, alone] = [walk(path), walk(path.slice(-1))]
      assert.deepEqual(walked.facts(), alone.facts())
      assert.deepEqual(walked.problems(), alone.problems())
    })
  }

  test('only confirmed blocks of this node count', () => {
    const blocks = (input: Partial<ScenarioInput>): readonly string[] => [...walk([stateOf(input)]).facts().blocks]
    assert.deepEqual(
      blocks({
        blocks: {
          '10.1.0.0/26': 'pending',
          '10.2.0.0/26': 'confirmed',
          '10.3.0.0/26': '',
          '10.4.0.0/26': 'pendingDeletion',
        },
      }),
      ['10.2.0.0/26', '10.3.0.0/26'],
    )
    assert.deepEqual(
      blocks({ stored: { '/calico/ipam/v2/host/host1-b/ipv4/block/10.1.0.0-26': '{"state":"confirmed"}' } }),
      [],
    )
  })

  test('a filter that cannot be read is known to exist, until it is gone or mended', () => {
    const [, broken, mended] = states.map((state) => walk([state]))
    assert.deepEqual([...(broken?.facts().brokenFilters ?? [])], ['f'])
    assert.match(broken?.problems()[0]?.reason ?? '', /counts as absent: .*bgpfilters\/f/)
    assert.deepEqual([...(mended?.facts().brokenFilters ?? [])], [])
    assert.deepEqual(mended?.problems(), [])
  })

  test('facts once taken do not change', () => {
    const store = walk([states[0] ?? new Map()])
    const facts = store.facts()
    store.apply(
      [...facts.nodes.keys()].map((name) => ({
        key: `/calico/resources/v3/projectcalico.org/nodes/${name}`,
        kv: undefined,
      })),
    )
    assert.equal(facts.nodes.size, 2)
    assert.equal(store.facts().nodes.size, 0)
  })
})
