// A process that assigns and releases addresses for a while, as a plugin of an orchestrator would, and prints what it holds
// in the end as JSON: addresses by handle. usage: allocator.ts ID ENDPOINTS MILLISECONDS
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CalicoError, hasCode, quietLogger, sleep } from '@calico-node/core'
import { CalicoClient, openEtcd } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import { parseNodeName, type Ip, type NodeName } from '@calico-node/model'

/** Addresses by handle; handles are `worker-ID.ROUND`. */
export type Held = Readonly<Record<string, readonly string[]>>

/** Fewer than allocators, so that some share a node. */
export const NODES: readonly NodeName[] = ['node-0', 'node-1', 'node-2'].map(parseNodeName)

export interface Connected {
  readonly client: CalicoClient
  readonly ipam: Ipam
  readonly close: () => void
}

export function connect(endpoints: readonly string[]): Connected {
  const store = openEtcd({ endpoints, timeoutMs: 2_000 }, quietLogger)
  const client = new CalicoClient(store)
  return { client, ipam: new Ipam({ client, log: quietLogger }), close: () => store.close() }
}

/** Runs one allocator as a process of its own. @throws with what it wrote when it failed */
export async function runAllocator(id: number, endpoints: readonly string[], durationMs: number): Promise<Held> {
  const program = fileURLToPath(import.meta.url)
  const args = [program, String(id), endpoints.join(','), String(durationMs)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: durationMs + 60_000 })
  return JSON.parse(stdout)
}

/** Each address is looked up after it was assigned and before it is released: another holder would show at once. */
async function allocate(id: number, endpoints: readonly string[], durationMs: number): Promise<Held> {
  const { ipam, close } = connect(endpoints)
  const node = NODES[id % NODES.length] ?? assert.fail()
  const held = new Map<string, readonly Ip[]>()
  const expectHeld = async (handle: string): Promise<void> => {
    for (const ip of held.get(handle) ?? [])
      await insist(async () => assert.equal((await ipam.findHolder(ip))?.handle, handle, ip))
  }
  const end = performance.now() + durationMs
  for (let round = 0; performance.now() < end; round++) {
    const handle = `worker-${id}.${round}`
    const oldest = [...held.keys()][0]
    const ips = await assign(ipam, { node, handle, round })
    if (ips.length > 0) held.set(handle, ips)
    await expectHeld(handle)
    if (held.size < 6 || oldest === undefined) continue
    await expectHeld(oldest)
    const old = held.get(oldest) ?? []
    held.delete(oldest)
    if (round % 2 === 0) await insist(() => ipam.releaseIps(old.map((ip) => ({ ip, handle: oldest }))))
    await insist(() => releaseLeft(ipam, oldest))
  }
  close()
  return Object.fromEntries(held)
}

interface Turn {
  readonly node: NodeName
  readonly handle: string
  readonly round: number
}

/** An assignment whose end is not known is cleaned up by handle: what a caller does that gives up. */
async function assign(ipam: Ipam, { node, handle, round }: Turn): Promise<Ip[]> {
  const version = round % 4 === 0 ? 6 : 4
  try {
    const { ips } = await ipam.autoAssign({ node, version, use: 'Workload', count: 1 + (round % 3), handle })
    return ips.map(({ ip }) => ip)
  } catch (err) {
    if (!hasCode(err, 'STORE_UNAVAILABLE', 'AMBIGUOUS')) throw err
    await insist(() => releaseLeft(ipam, handle))
    return []
  }
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

if (import.meta.main) {
  const [id = '', endpoints = '', durationMs = ''] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(await allocate(Number(id), endpoints.split(','), Number(durationMs))))
}
