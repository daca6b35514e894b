/**
 * The allocator: pure functions from a block and a request to the block that should replace it.
 *
 * Every function that changes a block returns the exact value to store, its sequence number one higher, so that a
 * compare-and-swap of the whole record is the only write there is. An allocation remembers the sequence number that the block
 * had before the write that made it: this pair (address, sequence) names one life of the address, and a release that carries
 * it cannot hit the next owner.
 */
import { CalicoError } from '@calico-node/core'
import {
  cidrBase,
  cidrSize,
  ipFromBigInt,
  ipToBigInt,
  ipVersion,
  type Cidr,
  type Ip,
  type IpamBlock,
} from '@calico-node/model'
import { findRange, type AddressRange } from './address-ranges.ts'

/** Who holds an address: the two parts of an entry of `attributes`. */
export interface Holder {
  readonly handle?: string | undefined
  readonly attributes: Readonly<Record<string, string>>
}

/** A release of one address. `handle` and `sequence`, when given, must be those of the allocation. */
export interface ReleaseRequest {
  readonly ip: Ip
  readonly handle?: string | undefined
  readonly sequence?: bigint | undefined
}

export interface Released {
  /** The block to store; undefined when there is nothing to write. */
  readonly block: IpamBlock | undefined
  readonly released: readonly Ip[]
  /** Addresses asked for that were free already. */
  readonly unallocated: readonly Ip[]
  /** How many of the released addresses each handle held. */
  readonly handles: ReadonlyMap<string, number>
}

export const NOTHING_RELEASED: Released = { block: undefined, released: [], unallocated: [], handles: new Map() }

/** A block with every address free. @param sequenceNumber Where its sequence starts: the time in Unix nanoseconds. */
export function newBlock(cidr: Cidr, affinity: string, sequenceNumber: bigint): IpamBlock {
  const size = Number(cidrSize(cidr))
  return {
    cidr,
    affinity,
    allocations: Array.from({ length: size }, () => null),
    unallocated: Array.from({ length: size }, (_, ordinal) => ordinal),
    attributes: [],
    sequenceNumber,
    sequenceNumberForAllocation: {},
    deleted: false,
  }
}

export const addressAt = (block: IpamBlock, ordinal: number): Ip =>
  ipFromBigInt(ipToBigInt(cidrBase(block.cidr)) + BigInt(ordinal), ipVersion(block.cidr))

/** Place of `ip`, which must lie in the block, among the block's addresses. */
export const ordinalOf = (block: IpamBlock, ip: Ip): number => Number(ipToBigInt(ip) - ipToBigInt(cidrBase(block.cidr)))

export const isEmpty = (block: IpamBlock): boolean => block.allocations.every((entry) => entry === null)

/** A handle ends at its first carriage return: what follows does not tell handles apart. */
export const handleIdentity = (handle: string): string => handle.split('\r', 1)[0] ?? ''

const isHandle = (held: Allocation, handle: string): boolean =>
  held.handle !== undefined && handleIdentity(held.handle) === handleIdentity(handle)

export interface Allocation {
  readonly ip: Ip
  readonly ordinal: number
  readonly handle: string | undefined
  readonly attributes: Readonly<Record<string, string>>
  /** Sequence number of this life of the address; undefined in records older than sequence numbers. */
  readonly sequence: bigint | undefined
}

/** The addresses in use, in address order. */
export const allocationsOf = (block: IpamBlock): Allocation[] =>
  block.allocations.flatMap((_, ordinal) => findAllocation(block, ordinal) ?? [])

/** The addresses that the handle holds. */
export const heldBy = (block: IpamBlock, handle: string): Allocation[] =>
  allocationsOf(block).filter((held) => isHandle(held, handle))

export function findAllocation(block: IpamBlock, ordinal: number): Allocation | undefined {
  const index = block.allocations[ordinal]
  if (index === null || index === undefined) return undefined
  const holder = block.attributes[index]
  return {
    ip: addressAt(block, ordinal),
    ordinal,
    handle: holder?.handle_id ?? undefined,
    attributes: holder?.secondary ?? {},
    sequence: block.sequenceNumberForAllocation[String(ordinal)],
  }
}

const bumped = (block: IpamBlock): bigint => block.sequenceNumber + 1n

/** The same content under the next sequence number: a write that makes every write prepared before it fail. */
export const touchBlock = (block: IpamBlock): IpamBlock => ({ ...block, sequenceNumber: bumped(block) })

export const withoutAffinity = (block: IpamBlock): IpamBlock => ({ ...touchBlock(block), affinity: null })

/** How many addresses automatic assignment could still take. */
export const countAssignable = (block: IpamBlock, reserved: readonly AddressRange[]): number =>
  assignableOrdinals(block, reserved, Number.POSITIVE_INFINITY).length

function assignableOrdinals(block: IpamBlock, reserved: readonly AddressRange[], limit: number): number[] {
  const base = ipToBigInt(cidrBase(block.cidr))
  const found: number[] = []
  for (const ordinal of new Set(block.unallocated)) {
    if (found.length >= limit) break
    const free = block.allocations[ordinal] === null
    if (free && findRange(reserved, base + BigInt(ordinal)) === undefined) found.push(ordinal)
  }
  return found
}

/** Takes up to `count` free, unreserved addresses in the block's order of next use. */
export function assignAny(
  block: IpamBlock,
  request: Holder & { readonly count: number; readonly reserved: readonly AddressRange[] },
): { readonly block: IpamBlock; readonly ips: readonly Ip[] } {
  const ordinals = assignableOrdinals(block, request.reserved, request.count)
  if (ordinals.length === 0) return { block, ips: [] }
  return { block: allocate(block, ordinals, request), ips: ordinals.map((ordinal) => addressAt(block, ordinal)) }
}

/** Takes one given address of the block. @throws ALREADY_EXISTS */
export function assignAddress(block: IpamBlock, ip: Ip, holder: Holder): IpamBlock {
  const taken = findAllocation(block, ordinalOf(block, ip))
  if (taken !== undefined) {
    const context = { ip, handle: taken.handle, attributes: taken.attributes }
    throw new CalicoError('ALREADY_EXISTS', `Cannot assign ${ip}: the address is already assigned`, { context })
  }
  return allocate(block, [ordinalOf(block, ip)], holder)
}

function allocate(block: IpamBlock, ordinals: readonly number[], holder: Holder): IpamBlock {
  const known = block.attributes.findIndex((have) => isEntryOf(have, holder))
  const index = known >= 0 ? known : block.attributes.length
  const allocations = [...block.allocations]
  const sequences = { ...block.sequenceNumberForAllocation }
  for (const ordinal of ordinals) {
    allocations[ordinal] = index
    sequences[String(ordinal)] = block.sequenceNumber
  }
  const taken = new Set(ordinals)
  return {
    ...touchBlock(block),
    allocations,
    unallocated: block.unallocated.filter((ordinal) => !taken.has(ordinal)),
    attributes: known >= 0 ? block.attributes : [...block.attributes, entryOf(holder)],
    sequenceNumberForAllocation: sequences,
  }
}

type Attributes = Holder['attributes']
type Entry = IpamBlock['attributes'][number]

function sameAttributes(a: Attributes, b: Attributes): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

const entryOf = ({ handle, attributes }: Holder): Entry => ({ handle_id: handle ?? null, secondary: { ...attributes } })

const isEntryOf = (entry: Entry, { handle, attributes }: Holder): boolean =>
  entry.handle_id === (handle ?? null) && sameAttributes(entry.secondary ?? {}, attributes)

/** Whether the holder of the allocation is this one, in every attribute. */
export const isHeldBy = (held: Allocation, { handle, attributes }: Holder): boolean =>
  held.handle === handle && sameAttributes(held.attributes, attributes)

/**
 * Frees addresses of the block; an address named twice counts once. All or nothing.
 *
 * @throws CONFLICT when a request names another handle or sequence number than the allocation has.
 */
export function releaseAddresses(block: IpamBlock, requests: readonly ReleaseRequest[]): Released {
  const unallocated: Ip[] = []
  const freed: Allocation[] = []
  for (const request of new Map(requests.map((each) => [each.ip, each])).values()) {
    const held = findAllocation(block, ordinalOf(block, request.ip))
    if (held === undefined) unallocated.push(request.ip)
    else {
      mustMatch(request, held)
      freed.push(held)
    }
  }
  return free(block, freed, unallocated)
}

/** Frees every address of the block that `handle` holds. */
export const releaseHandle = (block: IpamBlock, handle: string): Released => free(block, heldBy(block, handle), [])

function mustMatch(request: ReleaseRequest, held: Allocation): void {
  const { ip, handle, sequence } = request
  const wrongHandle = handle !== undefined && !isHandle(held, handle)
  const wrongSequence = sequence !== undefined && sequence !== held.sequence
  if (!wrongHandle && !wrongSequence) return
  const why = wrongHandle
    ? `held by handle ${held.handle ?? '(none)'}, not ${handle}`
    : 'assigned anew since it was read'
  throw new CalicoError('CONFLICT', `Cannot release ${ip}: the address is ${why}`, { context: { request, held } })
}

function free(block: IpamBlock, freed: readonly Allocation[], unallocated: readonly Ip[]): Released {
  const released = freed.map(({ ip }) => ip)
  const handles = new Map<string, number>()
  for (const { handle } of freed) if (handle !== undefined) handles.set(handle, (handles.get(handle) ?? 0) + 1)
  if (freed.length === 0) return { ...NOTHING_RELEASED, unallocated }
  const ordinals = freed.map(({ ordinal }) => ordinal)
  const gone = new Set(ordinals)
  const sequences = Object.entries(block.sequenceNumberForAllocation).filter(([ordinal]) => !gone.has(Number(ordinal)))
  const next: IpamBlock = {
    ...touchBlock(block),
    ...renumbered(
      block,
      block.allocations.map((index, ordinal) => (gone.has(ordinal) ? null : index)),
    ),
    unallocated: [...block.unallocated, ...ordinals],
    sequenceNumberForAllocation: Object.fromEntries(sequences),
  }
  return { block: next, released, unallocated, handles }
}

/** Drops the attributes that no allocation refers to and closes the gaps. */
function renumbered(
  block: IpamBlock,
  allocations: readonly (number | null)[],
): Pick<IpamBlock, 'allocations' | 'attributes'> {
  const used = [...new Set(allocations.filter((index) => index !== null))].toSorted((a, b) => a - b)
  const place = new Map(used.map((index, position) => [index, position]))
  return {
    allocations: allocations.map((index) => (index === null ? null : (place.get(index) ?? null))),
    attributes: used.flatMap((index) => block.attributes[index] ?? []),
  }
}
