/** The whole IPAM tree as it stood at one moment. */
import { CalicoError, hasCode } from '@calico-node/core'
import type { KeyValue } from '@calico-node/datastore'
import {
  BLOCK_PREFIX,
  compareCidrs,
  decodeAffinity,
  decodeBlock,
  decodeHandle,
  decodeIpamConfig,
  findAffinityKey,
  findBlockKey,
  findHandleKey,
  IPAM_CONFIG_KEY,
  type AffinityOwner,
  type AffinityState,
  type Cidr,
  type IpamBlock,
  type IpamHandle,
} from '@calico-node/model'
import { handleIdentity } from '../block.ts'

export const IPAM_PREFIX = '/calico/ipam/v2/'

export interface IpamTree {
  /** In address order. */
  readonly blocks: readonly IpamBlock[]
  readonly affinities: readonly { readonly owner: AffinityOwner; readonly cidr: Cidr; readonly state: AffinityState }[]
  readonly handles: ReadonlyMap<string, { readonly handle: IpamHandle; readonly modRevision: bigint }>
  /** Records that cannot be read or stand under a wrong key. */
  readonly malformed: readonly { readonly key: string; readonly reason: string }[]
}

/** @param kvs Everything below {@link IPAM_PREFIX} at one revision. */
export function parseTree(kvs: readonly KeyValue[]): IpamTree {
  const blocks: IpamBlock[] = []
  const affinities: { owner: AffinityOwner; cidr: Cidr; state: AffinityState }[] = []
  const handles = new Map<string, { handle: IpamHandle; modRevision: bigint }>()
  const malformed: { key: string; reason: string }[] = []
  const add = (kv: KeyValue): void => {
    const affinity = findAffinityKey(kv.key)
    const handle = findHandleKey(kv.key)
    if (kv.key.startsWith(BLOCK_PREFIX)) blocks.push(blockOf(kv))
    else if (affinity !== undefined) affinities.push({ ...affinity, state: decodeAffinity(kv.value, kv).state })
    else if (handle !== undefined)
      handles.set(handleIdentity(handle), { handle: decodeHandle(kv.value, kv), modRevision: kv.modRevision })
    else if (kv.key === IPAM_CONFIG_KEY) decodeIpamConfig(kv.value, kv)
    else throw new CalicoError('INVALID', `Cannot read ${kv.key}: it is no key of IPAM`)
  }
  for (const kv of kvs) {
    try {
      add(kv)
    } catch (err) {
      if (!hasCode(err, 'INVALID')) throw err
      malformed.push({ key: kv.key, reason: err.message })
    }
  }
  return { blocks: blocks.toSorted((a, b) => compareCidrs(a.cidr, b.cidr)), affinities, handles, malformed }
}

function blockOf(kv: KeyValue): IpamBlock {
  const block = decodeBlock(kv.value, kv)
  if (findBlockKey(kv.key) === block.cidr) return block
  throw new CalicoError('INVALID', `Cannot read IPAM block at ${kv.key}: it says that it is ${block.cidr}`)
}
