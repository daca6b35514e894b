/**
 * Eight processes assign and release addresses on a cluster of three members, each through a network of its own that
 * cuts, delays and swallows, and the leader is killed on the way. No address may be given twice, no handle may leak, and
 * those who watch through such networks must end up with exactly the state of a fresh list.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietLogger, sleep, waitFor } from '@calico-node/core'
import { sync, type KvStore } from '@calico-node/datastore'
import { checkIpam } from '@calico-node/ipam'
import { makeResource, workloadEndpointName } from '@calico-node/model'
import { BadNetwork, withEtcd, type TestEtcd } from '@calico-node/testkit'
import { connect, NODES, runAllocator, type Connected, type Held } from './allocator.ts'

const ALLOCATORS = 8
const WATCHERS = 3
const LASTS_MS = 60_000
const PREFIXES = ['/calico/ipam/', '/calico/resources/']

async function prepare({ client }: Connected): Promise<void> {
  for (const name of NODES) await client.resources('Node').create(makeResource('Node', { name }, {}))
  const pools = [
    makeResource('IPPool', { name: 'four' }, { cidr: '10.0.0.0/25', blockSize: 28 }),
    makeResource('IPPool', { name: 'six' }, { cidr: 'fd00::/120', blockSize: 124 }),
  ]
  for (const pool of pools) await client.resources('IPPool').create(pool)
}

/** Follows the store until it is stopped. */
function follow(store: KvStore): { readonly state: Map<string, string>; readonly stop: () => Promise<void> } {
  const state = new Map<string, string>()
  const stopping = new AbortController()
  const following = (async (): Promise<void> => {
    for await (const event of sync(store, PREFIXES, { log: quietLogger, signal: stopping.signal })) {
      if (event.kind !== 'updates') continue
      for (const { key, kv } of event.updates) {
        if (kv === undefined) state.delete(key)
        else state.set(key, `${kv.modRevision} ${kv.value}`)
      }
    }
  })()
  return { state, stop: async () => (stopping.abort(), await following) }
}

async function freshList(store: KvStore): Promise<Map<string, string>> {
  const lists = await Promise.all(PREFIXES.map((prefix) => store.list(prefix)))
  return new Map(lists.flatMap(({ kvs }) => kvs.map((kv) => [kv.key, `${kv.modRevision} ${kv.value}`] as const)))
}

/** Handles are numbered by round, and the last ones are held. */
const roundsOf = (held: Held): number => Math.max(0, ...Object.keys(held).map((handle) => Number(handle.split('.')[1])))

/** The store says exactly what the allocators say, the checker finds nothing, and releasing everything leaves nothing. */
async function assertExact({ client, ipam }: Connected, held: Held): Promise<void> {
  const ips = Object.values(held).flat()
  assert.ok(ips.length > ALLOCATORS, `only ${ips.length} addresses were held in the end`)
  assert.equal(new Set(ips).size, ips.length, 'two allocators hold one address')
  for (const [at, ip] of ips.entries()) {
    const workload = { node: NODES[0] ?? '', orchestrator: 'cni', containerID: `c${at}`, endpoint: 'eth0' }
    const spec = { ...workload, interfaceName: `cali${at}`, ipNetworks: [ip] }
    const metadata = { name: workloadEndpointName(workload), namespace: 'default' }
    await client.resources('WorkloadEndpoint').create(makeResource('WorkloadEndpoint', metadata, spec))
  }
  const report = await checkIpam(client)
  assert.deepEqual(
    report.problems.filter(({ level }) => level === 'fault'),
    [],
  )
  assert.deepEqual(
    report.allocations.map(({ ip, handle }) => `${handle} ${ip}`).toSorted(),
    Object.entries(held)
      .flatMap(([handle, all]) => all.map((ip) => `${handle} ${ip}`))
      .toSorted(),
  )
  await Promise.all(Object.keys(held).map((handle) => ipam.releaseByHandle(handle)))
  const after = await checkIpam(client)
  assert.deepEqual([after.allocations, after.counts.handles, after.leakedHandles], [[], 0, []])
  for (const node of NODES) await ipam.releaseNode(node, { mustBeEmpty: true })
  assert.deepEqual(
    (await client.store.list('/calico/ipam/v2/')).kvs.map(({ key }) => key),
    ['/calico/ipam/v2/config'],
  )
}

/** Runs the allocators; endpoints of one that needs no others come first, so that the members share the load. */
async function allocateAll(endpointsOf: (id: number) => readonly string[], durationMs: number): Promise<Held[]> {
  const rotated = (id: number): readonly string[] => {
    const all = endpointsOf(id)
    return [...all.slice(id % all.length), ...all.slice(0, id % all.length)]
  }
  return Promise.all(Array.from({ length: ALLOCATORS }, (_, id) => runAllocator(id, rotated(id), durationMs)))
}

async function killLeader(etcd: TestEtcd, afterMs: number): Promise<void> {
  await sleep(afterMs)
  const leader = await etcd.leader()
  await leader.stop('SIGKILL')
  await sleep(3_000)
  await etcd.restart(leader)
}

test('control: eight processes on a good network', { timeout: 60_000 }, (t) =>
  withEtcd({}, async (etcd) => {
    const judge = connect(etcd.urls)
    t.after(judge.close)
    await prepare(judge)
    const held = await allocateAll(() => etcd.urls, 5_000)
    t.diagnostic(`${held.reduce((sum, each) => sum + roundsOf(each), 0)} rounds of assigning and releasing`)
    for (const each of held) assert.ok(roundsOf(each) >= 3)
    await assertExact(judge, Object.assign({}, ...held))
  }),
)

test('no address twice, no handle leaked, nothing missed', { timeout: LASTS_MS + 120_000 }, (t) =>
  withEtcd({ members: 3 }, async (etcd) => {
    const judge = connect(etcd.urls)
    t.after(judge.close)
    await prepare(judge)
    const networks = await Promise.all(Array.from({ length: ALLOCATORS + WATCHERS }, () => BadNetwork.between(etcd)))
    t.after(() => Promise.all(networks.map((network) => network.stop())))
    const watching = networks.slice(ALLOCATORS).map(({ endpoints }) => connect(endpoints))
    const followers = watching.map(({ client }) => follow(client.store))

    const [held] = await Promise.all([
      allocateAll((id) => networks[id]?.endpoints ?? assert.fail(), LASTS_MS),
      killLeader(etcd, LASTS_MS / 3),
    ])
    await Promise.all(networks.map((network) => network.heal()))

    const want = await freshList(judge.client.store)
    for (const [at, { state }] of followers.entries())
      await waitFor(`watcher ${at} to see what is there`, () => (assert.deepEqual(state, want), true), {
        deadlineMs: 15_000,
      })
    await Promise.all(followers.map(({ stop }) => stop()))
    for (const { close } of watching) close()
    const rounds = held.reduce((sum, each) => sum + roundsOf(each), 0)
    const faults = (kind: keyof BadNetwork['faults']): number =>
      networks.reduce((sum, network) => sum + network.faults[kind], 0)
    t.diagnostic(
      `${rounds} rounds under ${faults('cut')} cuts, ${faults('delayed')} delays, ${faults('swallowed')} swallowings`,
    )
    assert.ok(rounds >= 20 * ALLOCATORS, `only ${rounds} rounds`)
    for (const kind of ['cut', 'delayed', 'swallowed'] as const)
      assert.ok(faults(kind) > 100, `${faults(kind)} ${kind}`)
    await assertExact(judge, Object.assign({}, ...held))
  }),
)
