import { CalicoError } from '@calico-node/core'

/**
 * The bits of the packet mark that carry a verdict between chains and tables. Their order inside the mask is upstream's,
 * so that a packet marked by an earlier Felix means the same to this one.
 */
export interface Marks {
  /** "Allowed": carried from raw through mangle and filter to mangle's POSTROUTING. */
  readonly accept: number
  /** "This tier has no objection, ask the next." */
  readonly pass: number
  /** Not used by these rules; the position stays reserved. */
  readonly drop: number
  /** Work bits inside one policy rule; the first also says "came from a workload" in raw's PREROUTING. */
  readonly scratch: readonly [number, number]
}

/**
 * The bits of one mark mask, lowest bit first.
 *
 * @param mask 32-bit mask; at least five bits must be set.
 * @throws INVALID
 */
export function allocateMarks(mask: number): Marks {
  const free = Array.from({ length: 32 }, (_, bit) => 2 ** bit).filter((bit) => union(mask & bit) !== 0)
  const [accept, pass, drop, scratch0, scratch1] = free
  if (!accept || !pass || !drop || !scratch0 || !scratch1) {
    const text = `0x${mask.toString(16)}`
    throw new CalicoError('INVALID', `Cannot use mark mask ${text}: want at least 5 bits, has ${free.length}`)
  }
  return { accept, pass, drop, scratch: [scratch0, scratch1] }
}

/** Several bits as one unsigned number. */
export const union = (...bits: readonly number[]): number => bits.reduce((sum, bit) => (sum | bit) >>> 0, 0)
