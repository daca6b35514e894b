import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CONFIG, type DataState, node, stored, walk, workload } from './graph-testing.ts'
import { ValidationFilter } from './validation-filter.ts'

const pool = (cidr: string, more: object = {}): [string, string] => stored('ippools', 'p', { cidr, ...more })
const here = node('here', '192.0.2.1/24')
const notices = (states: DataState[], config = CONFIG): string[] => [
  ...walk(states, 'after each state', config).notices.values(),
]
const one = workload('one', { ips: ['10.0.0.1'] })
const OUTSIDE = 'Workloads of this host have addresses in no IP pool, which other hosts may not reach: '

describe('workloads with addresses outside every pool', () => {
  const before = new Map([here, one, pool('10.0.0.0/16')])
  test('a pool that was given another network: told until it has the old one again', () => {
    const after = new Map([...before, pool('10.1.0.0/16')])
    assert.deepEqual(notices([before, after]), [`${OUTSIDE}default/one (10.0.0.1/32)`])
    assert.deepEqual(notices([before, after, before]), [])
  })
  test('a pool that was given a network of the other IP family', () => {
    const after = new Map([...before, pool('fd00::/64', { blockSize: 122 })])
    assert.deepEqual(notices([before, after]), [`${OUTSIDE}default/one (10.0.0.1/32)`])
  })
  test('a pool whose other fields do not suit its new family is the fault that is told', () => {
    const [key, value] = pool('fd00::/64', { blockSize: 26 })
    const { verdicts } = new ValidationFilter({ allowSpoofing: false }).filter([
      { key, kv: { value, modRevision: 1n } },
    ])
    assert.match(verdicts[0]?.fault?.reason ?? '', /spec\.blockSize/)
  })
  test('of several the first is named; those of other hosts are their business', () => {
    const two = workload('two', { ips: ['10.9.0.1', 'fd00::1'] })
    const three = workload('three', { ips: ['10.9.0.2'] })
    const remote = workload('a', { node: 'there', ips: ['10.9.0.3'] })
    const there = node('there', '192.0.2.2/24')
    const state = new Map([...before, two, three, remote, there])
    assert.deepEqual(notices([state]), [`${OUTSIDE}default/three (10.9.0.2/32) and others`])
    assert.deepEqual(notices([new Map([...before, two])]), [`${OUTSIDE}default/two (10.9.0.1/32, fd00::1/128)`])
    assert.deepEqual(notices([state, before]), [])
  })
  test('no business of a cluster without pools, or of a Felix that leaves routes to others', () => {
    assert.deepEqual(notices([new Map([here, one])]), [])
    const state = new Map([here, one, pool('10.1.0.0/16')])
    assert.deepEqual(notices([state], { ...CONFIG, RouteSyncDisabled: true }), [])
  })
})

describe('endpoints of a Node that does not exist', () => {
  const stray = workload('stray', { node: 'there', ips: ['10.0.0.2'] })
  const UNKNOWN = 'Endpoints name Nodes that do not exist: '
  test('told, until it exists or nothing names it', () => {
    const state = new Map([here, stray])
    assert.deepEqual(notices([state]), [`${UNKNOWN}there`])
    assert.deepEqual(notices([state, new Map([...state, node('there', '192.0.2.2/24')])]), [])
    assert.deepEqual(notices([state, new Map([here])]), [])
  })
  test('a Node that differs by its domain is offered', () => {
    const state = new Map([here, node('there.example.com', '192.0.2.2/24'), stray])
    assert.deepEqual(notices([state]), [`${UNKNOWN}there (is there.example.com meant?)`])
  })
  test('of many some are named', () => {
    const many = Array.from({ length: 8 }, (_, i) => workload('stray', { node: `n${i}`, ips: ['10.0.0.2'] }))
    assert.deepEqual(notices([new Map([here, ...many])]), [`${UNKNOWN}n0, n1, n2, n3, n4 and others`])
  })
  test('no business of a cluster without Nodes', () => assert.deepEqual(notices([new Map([stray])]), []))
})

test('a Node whose name has capitals counts as missing, and is told', () => {
  const [key, value] = node('There', '192.0.2.2/24')
  const { inputs, verdicts } = new ValidationFilter({ allowSpoofing: false }).filter([
    { key, kv: { value, modRevision: 1n } },
  ])
  assert.deepEqual(inputs, [{ kind: 'node', key, value: undefined }])
  assert.match(verdicts[0]?.fault?.reason ?? '', /^metadata\.name = "There": must be lower-case letters/)
})
