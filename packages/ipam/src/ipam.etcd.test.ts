/**
 * Several processes on one etcd. This file is also the program of those processes: with WORKER_ID set it assigns and releases
 * for a while instead of testing, and prints what it holds in the end.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CalicoError, hasCode, quietLogger, sleep } from '@calico-node/core'
import { CalicoClient, openEtcd } from '@calico-node/datastore'
import { makeResource, parseNodeName, type Ip } from '@calico-node/model'
import { CuttingProxy, withEtcd, type TestEtcd } from '@calico-node/testkit'
import { checkIpam } from './check/check-ipam.ts'
import { Ipam } from './ipam.ts'

const WORKERS = 8
const NODES = 3

const connect = (url: string): { client: CalicoClient; ipam: Ipam; close: () => void } => {
  const store = openEtcd({ endpoints: url.split(','), timeoutMs: 2_000 }, quietLogger)
  const client = new CalicoClient(store)
  return { client, ipam: new Ipam({ client, log: quietLogger }), close: () => store.close() }
}

/** What a worker holds: addresses by handle. */
type Held = Record<string, readonly string[]>

async function work(id: number, url: string, durationMs: number): Promise<Held> {
  const { ipam, close } = connect(url)
  const node = parseNodeName(`node-${id % NODES}`)
  const held = new Map<string, readonly Ip[]>()
  const end = performance.now() + durationMs
  for (let round = 0; performance.now() < end; round++) {
    const handle = `worker-${id}.${round}`
    const oldest = [...held.keys()][0]
    await mended(ipam, handle, async () => {
      const { ips } = await ipam.autoAssign({
        node,
        version: round % 4 === 0 ? 6 : 4,
        use: 'Workload',
        count: 1 + (round % 3),
        handle,
      })
      if (ips.length > 0)
        held.set(
          handle,
          ips.map(({ ip }) => ip),
        )
    })
    for (const ip of held.get(handle) ?? [])
      await insist(async () => assert.equal((await ipam.findHolder(ip))?.handle, handle, ip))
    if (held.size < 6 || oldest === undefined) continue
    const ips = held.get(oldest) ?? []
    held.delete(oldest)
    for (const ip of ips) await insist(async () => assert.equal((await ipam.findHolder(ip))?.handle, oldest, ip))
    if (round % 2 === 0) await insist(() => ipam.releaseIps(ips.map((ip) => ({ ip, handle: oldest }))))
    await insist(() => releaseLeft(ipam, oldest))
  }
  close()
  return Object.fromEntries(held)
}

const releaseLeft = (ipam: Ipam, handle: string): Promise<unknown> =>
  ipam.releaseByHandle(handle).catch((err: unknown) => {
    if (!hasCode(err, 'NOT_FOUND')) throw err
  })

/** Tries until the store lets it through: what a caller with a queue does. */
async function insist<T>(step: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await step()
    } catch (err) {
      if (!(err instanceof CalicoError) || !hasCode(err, 'STORE_UNAVAILABLE', 'AMBIGUOUS')) throw err
      await sleep(50)
    }
  }
}

/** A failed assignment is cleaned up by handle: what a caller does that gives up. */
async function mended(ipam: Ipam, handle: string, step: () => Promise<unknown>): Promise<void> {
  try {
    await step()
  } catch (err) {
    if (!hasCode(err, 'STORE_UNAVAILABLE', 'AMBIGUOUS')) throw err
    await insist(() => releaseLeft(ipam, handle))
  }
}

async function prepare(url: string): Promise<void> {
  const { client, close } = connect(url)
  for (let at = 0; at < NODES; at++)
    await client.resources('Node').create(makeResource('Node', { name: `node-${at}` }, {}))
  await client
    .resources('IPPool')
    .create(makeResource('IPPool', { name: 'four' }, { cidr: '10.0.0.0/25', blockSize: 28 }))
  await client
    .resources('IPPool')
    .create(makeResource('IPPool', { name: 'six' }, { cidr: 'fd00::/120', blockSize: 124 }))
  close()
}

/** Starts the workers, each a process of its own, and waits for them. */
async function runWorkers(urlOf: (id: number) => string, durationMs: number): Promise<Held> {
  const program = fileURLToPath(import.meta.url)
  const outputs = await Promise.all(
    Array.from({ length: WORKERS }, (_, id) => {
      const env = {
        ...process.env,
        WORKER_ID: String(id),
        WORKER_URL: urlOf(id),
        WORKER_MS: String(durationMs),
        NODE_TEST_CONTEXT: '',
      }
      return promisify(execFile)(process.execPath, [program], { env, timeout: durationMs + 60_000 })
    }),
  )
  return Object.assign({}, ...outputs.map(({ stdout }): Held => JSON.parse(stdout)))
}

/** Handles are numbered by round, and the last ones are held. */
const roundsOf = (held: Held): number =>
  Array.from({ length: WORKERS }, (_, id) => {
    const rounds = Object.keys(held).flatMap((handle) => handle.split(`worker-${id}.`)[1] ?? [])
    return Math.max(0, ...rounds.map(Number))
  }).reduce((sum, rounds) => sum + rounds, 0)

/** The store says exactly what the workers say, and nothing is wrong with it; releasing everything leaves nothing. */
async function assertExact(url: string, held: Held): Promise<void> {
  const { client, ipam, close } = connect(url)
  const ips = Object.values(held).flat()
  assert.ok(ips.length > WORKERS, `only ${ips.length} addresses were held in the end`)
  assert.equal(new Set(ips).size, ips.length, 'two workers hold one address')
  const report = await checkIpam(client)
  assert.deepEqual(
    report.problems.filter(({ kind }) => kind !== 'address-leaked' && kind !== 'affinity-unsettled'),
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
  assert.deepEqual([after.allocations, after.counts.handles], [[], 0])
  for (let at = 0; at < NODES; at++) await ipam.releaseNode(parseNodeName(`node-${at}`), { mustBeEmpty: true })
  assert.deepEqual(
    (await client.store.list('/calico/ipam/v2/')).kvs.map(({ key }) => key),
    ['/calico/ipam/v2/config'],
  )
  close()
}

/** Cuts connections, loses replies and slows them down, one member after the other, and kills the leader in between. */
async function torment(etcd: TestEtcd, proxies: readonly CuttingProxy[], durationMs: number): Promise<void> {
  const end = performance.now() + durationMs
  for (let round = 0; performance.now() < end; round++) {
    const proxy = proxies[round % proxies.length] ?? assert.fail()
    proxy.delayMs = round % 2 === 0 ? 0 : 20
    proxy.swallow.add('down')
    await sleep(250)
    proxy.swallow.delete('down')
    proxy.cut()
    await sleep(250)
    if (round !== 5) continue
    const leader = await findLeader(etcd)
    await leader.stop()
    await sleep(1_000)
    await etcd.restart(leader)
  }
  for (const proxy of proxies) proxy.delayMs = 0
}

async function findLeader(etcd: TestEtcd): Promise<TestEtcd['member']> {
  const status: { Endpoint: string; Status: { leader: number; header: { member_id: number } } }[] = JSON.parse(
    await etcd.ctl('endpoint', 'status', '--write-out=json'),
  )
  const found = status.find(({ Status }) => Status.leader === Status.header.member_id)
  return etcd.members.find((member) => etcd.urlOf(member) === found?.Endpoint) ?? assert.fail('no leader')
}

const { WORKER_ID, WORKER_URL = '', WORKER_MS } = process.env
if (WORKER_ID !== undefined) {
  process.stdout.write(JSON.stringify(await work(Number(WORKER_ID), WORKER_URL, Number(WORKER_MS))))
} else {
  test('eight processes never get one address twice, and no handle leaks', (t) =>
    withEtcd({}, async (etcd) => {
      const url = etcd.urls.join(',')
      await prepare(url)
      const held = await runWorkers(() => url, 6_000)
      t.diagnostic(`${roundsOf(held)} rounds of assigning and releasing`)
      assert.ok(roundsOf(held) >= 3 * WORKERS)
      await assertExact(url, held)
    }))

  test('nor when connections are cut, replies get lost and the leader is killed', (t) =>
    withEtcd({ members: 3 }, async (etcd) => {
      await prepare(etcd.urls.join(','))
      const proxies = await Promise.all(etcd.members.map((member) => CuttingProxy.start(member.clientPort)))
      const urls = proxies.map(({ port }) => `http://127.0.0.1:${port}`)
      const workers = runWorkers((id) => [...urls.slice(id % 3), ...urls.slice(0, id % 3)].join(','), 12_000)
      const [held] = await Promise.all([workers, torment(etcd, proxies, 11_000)])
      await Promise.all(proxies.map((proxy) => proxy.stop()))
      t.diagnostic(`${roundsOf(held)} rounds of assigning and releasing`)
      await assertExact(etcd.urls.join(','), held)
    }))
}
