/**
 * The records of IPAM: bare JSON without an envelope. Fields unknown to us stay through decode and encode; whole
 * numbers beyond 2^53 keep every digit.
 */
import { z } from 'zod'
import { printBigJson } from '../json/big-json.ts'
import { cidrSize } from '../address/cidr.ts'
import { masked } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import { problemsOf, type Problem } from '../schema/problem.ts'
import { parseStored, unreadable } from '../schema/stored.ts'

const count = z.number().int().nonnegative()
const big = z.union([z.bigint(), z.number().int()]).transform((value) => BigInt(value))

const attributeSchema = z.looseObject({
  handle_id: z
    .string()
    .nullish()
    .transform((value) => value ?? null),
  secondary: z
    .record(z.string(), z.string())
    .nullish()
    .transform((value) => value ?? null),
})

const blockSchema = z.looseObject({
  cidr: masked(),
  /** `host:<node>`, `virtual:<name>`, or null: nobody's. */
  affinity: z
    .string()
    .nullish()
    .transform((value) => value || null),
  /** One entry an address: null = free, else an index into `attributes`. */
  allocations: z.array(count.nullable()),
  /** Free ordinals in the order of their next use. */
  unallocated: z
    .array(count)
    .nullish()
    .transform((value) => value ?? []),
  attributes: z
    .array(attributeSchema)
    .nullish()
    .transform((value) => value ?? []),
  sequenceNumber: big.default(0n),
  sequenceNumberForAllocation: z
    .record(z.string(), big)
    .nullish()
    .transform((value) => value ?? {}),
  deleted: z.boolean().default(false),
})

const affinitySchema = z.looseObject({
  state: z
    .enum(['confirmed', 'pending', 'pendingDeletion', ''])
    .default('confirmed')
    .transform((state) => state || 'confirmed'),
  deleted: z.boolean().default(false),
})

const handleSchema = z.looseObject({
  block: z
    .record(z.string(), count)
    .nullish()
    .transform((value) => value ?? {}),
  deleted: z.boolean().default(false),
})

const configSchema = z.looseObject({
  strict_affinity: z.boolean().default(false),
  auto_allocate_blocks: z.boolean().default(false),
  maxBlocksPerHost: count.default(0),
})

/** Addresses of one block and who has them. */
export type IpamBlock = Output<typeof blockSchema>
export type IpamAttribute = Output<typeof attributeSchema>
/** That somebody owns a block; the block itself has the last word. */
export type BlockAffinity = Output<typeof affinitySchema>
export type AffinityState = BlockAffinity['state']
/** In which blocks a handle has how many addresses, by CIDR. */
export type IpamHandle = Output<typeof handleSchema>
export interface IpamConfig {
  readonly strictAffinity: boolean
  readonly autoAllocateBlocks: boolean
  /** 0 = no limit set. */
  readonly maxBlocksPerHost: number
}

/** Where a record was read; a key-value of the store fits. */
export interface RecordAt {
  readonly key: string
}

function decode<S extends z.ZodType>(what: string, schema: S, json: string, at: RecordAt): Output<S>
function decode(what: string, schema: z.ZodType, json: string, { key }: RecordAt): unknown {
  const value = parseStored(what, key, json)
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw unreadable(what, key, problemsOf(result.error, value))
}

/** @throws INVALID, naming the key and the bad fields; also when the lists do not fit the size of the block. */
export function decodeBlock(json: string, at: RecordAt): IpamBlock {
  const block = decode('IPAM block', blockSchema, json, at)
  const problems = [...blockProblems(block)]
  if (problems.length > 0) throw unreadable('IPAM block', at.key, problems)
  return block
}

function* blockProblems({ cidr, allocations, attributes, unallocated }: IpamBlock): Iterable<Problem> {
  const size = cidrSize(cidr)
  if (BigInt(allocations.length) !== size) {
    yield { field: 'allocations', value: allocations.length, reason: `must be a list of ${size}, one for each address` }
  }
  for (const [at, index] of allocations.entries()) {
    if (index !== null && index >= attributes.length) {
      yield {
        field: `allocations[${at}]`,
        value: index,
        reason: `must be null or below ${attributes.length}, an index of attributes`,
      }
    }
  }
  for (const [at, ordinal] of unallocated.entries()) {
    if (BigInt(ordinal) >= size) {
      yield { field: `unallocated[${at}]`, value: ordinal, reason: `must be below ${size}, the size of the block` }
    }
  }
}

export const encodeBlock = (block: IpamBlock): string => printBigJson(block)

/** Old data: an empty value is a confirmed affinity. @throws INVALID */
export const decodeAffinity = (json: string, at: RecordAt): BlockAffinity =>
  decode('block affinity', affinitySchema, json === '' ? '{}' : json, at)
export const encodeAffinity = (affinity: BlockAffinity): string => printBigJson(affinity)

/** @throws INVALID */
export const decodeHandle = (json: string, at: RecordAt): IpamHandle => decode('IPAM handle', handleSchema, json, at)
export const encodeHandle = (handle: IpamHandle): string => printBigJson(handle)

/** A missing field is false or 0. @throws INVALID */
export function decodeIpamConfig(json: string, at: RecordAt): IpamConfig {
  const { strict_affinity, auto_allocate_blocks, maxBlocksPerHost, ...extra } = decode(
    'IPAM configuration',
    configSchema,
    json,
    at,
  )
  return { ...extra, strictAffinity: strict_affinity, autoAllocateBlocks: auto_allocate_blocks, maxBlocksPerHost }
}
/** False and 0 are left out. */
export function encodeIpamConfig(config: IpamConfig): string {
  const { strictAffinity, autoAllocateBlocks, maxBlocksPerHost, ...extra } = config
  return printBigJson({
    ...(strictAffinity && { strict_affinity: true }),
    ...(autoAllocateBlocks && { auto_allocate_blocks: true }),
    ...(maxBlocksPerHost > 0 && { maxBlocksPerHost }),
    ...extra,
  })
}
