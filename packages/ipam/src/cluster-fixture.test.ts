/** A small cluster for the tests beside this file: nodes, pools, and the IPAM that works on them. */
import assert from 'node:assert/strict'
import { quietLogger } from '@calico-node/core'
import { CalicoClient, MemoryKvStore, type KvStore } from '@calico-node/datastore'
import {
  decodeAffinity,
  decodeBlock,
  decodeHandle,
  findAffinityKey,
  findBlockKey,
  findHandleKey,
  makeResource,
  parseNodeName,
  type IpamBlock,
  type NodeName,
  type SpecInput,
} from '@calico-node/model'
import { checkIpam } from './check/check-ipam.ts'
import type { IpamProblem } from './check/problem.ts'
import { Ipam } from './ipam.ts'

export const NODE_A = parseNodeName('node-a')
export const NODE_B = parseNodeName('node-b')
/** Sequence numbers of blocks start here. */
export const EPOCH = 1_714_557_600_123_456_789n

export interface Cluster {
  readonly store: KvStore
  readonly client: CalicoClient
  readonly ipam: Ipam
}

/** @param pools By name; the default is one pool of four blocks. */
export async function makeCluster(
  pools: Readonly<Record<string, SpecInput<'IPPool'>>> = { 'pool-a': { cidr: '10.0.0.0/24' } },
  { store = new MemoryKvStore(), labels = {} }: { store?: KvStore; labels?: Readonly<Record<string, string>> } = {},
): Promise<Cluster> {
  const client = new CalicoClient(store)
  for (const name of [NODE_A, NODE_B]) await client.resources('Node').create(makeResource('Node', { name, labels }, {}))
  for (const [name, spec] of Object.entries(pools))
    await client.resources('IPPool').create(makeResource('IPPool', { name }, spec))
  return { store, client, ipam: ipamOn(client) }
}

/** An IPAM as another process has it. */
export const ipamOn = (client: CalicoClient): Ipam => new Ipam({ client, log: quietLogger, now: () => EPOCH })

export async function reserve({ client }: Cluster, ...reservedCIDRs: string[]): Promise<void> {
  await client
    .resources('IPReservation')
    .create(makeResource('IPReservation', { name: 'kept-back' }, { reservedCIDRs }))
}

/** Assigns `count` addresses to a node and expects to get them all. */
export async function assignAll(ipam: Ipam, node: NodeName, count: number, handle?: string): Promise<string[]> {
  const { ips, shortfall } = await ipam.autoAssign({
    node,
    version: 4,
    use: 'Workload',
    count,
    ...(handle !== undefined && { handle }),
  })
  assert.equal(shortfall, undefined)
  assert.equal(ips.length, count)
  return ips.map(({ ip }) => ip)
}

/** What stands in the store, decoded: blocks by CIDR, affinities as `owner cidr: state`, handles by name. */
export async function records({ store }: Pick<Cluster, 'store'>): Promise<{
  blocks: Record<string, IpamBlock>
  affinities: string[]
  handles: Record<string, Readonly<Record<string, number>>>
}> {
  const blocks: Record<string, IpamBlock> = {}
  const affinities: string[] = []
  const handles: Record<string, Readonly<Record<string, number>>> = {}
  for (const kv of (await store.list('/calico/ipam/v2/')).kvs) {
    const block = findBlockKey(kv.key)
    const affinity = findAffinityKey(kv.key)
    const handle = findHandleKey(kv.key)
    if (block !== undefined) blocks[block] = decodeBlock(kv.value, kv)
    if (affinity !== undefined)
      affinities.push(`${affinity.owner.name} ${affinity.cidr}: ${decodeAffinity(kv.value, kv).state}`)
    if (handle !== undefined) handles[handle] = decodeHandle(kv.value, kv).block
  }
  return { blocks, affinities, handles }
}

/** What the checker finds, but for addresses that no endpoint uses: these tests have no endpoints. */
export async function faults(client: CalicoClient): Promise<readonly IpamProblem[]> {
  return (await checkIpam(client)).problems.filter(({ kind, level }) => level === 'fault' && kind !== 'address-leaked')
}
