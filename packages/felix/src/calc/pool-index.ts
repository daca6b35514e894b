/** The IP pools, by the addresses in them. */
import {
  bitsOf,
  type Cidr,
  cidrBase,
  cidrContains,
  cidrOf,
  cidrPrefixLength,
  type Ip,
  ipVersion,
} from '@calico-node/model'
import type { PoolInput } from './inputs.ts'

export class PoolIndex {
  readonly #pools = new Map<Cidr, PoolInput>()
  /** Prefix lengths in use, longest first. */
  #lengths: Readonly<Record<4 | 6, readonly number[]>> = { 4: [], 6: [] }

  set(cidr: Cidr, pool: PoolInput | undefined): void {
    if (pool === undefined) this.#pools.delete(cidr)
    else this.#pools.set(cidr, pool)
    this.#lengths = { 4: this.#lengthsOf(4), 6: this.#lengthsOf(6) }
  }

  get size(): number {
    return this.#pools.size
  }

  all(): Iterable<PoolInput> {
    return this.#pools.values()
  }

  /** The smallest pool that holds all of it. */
  find(address: Ip | Cidr): PoolInput | undefined {
    const version = ipVersion(address)
    const [base, length] = split(address, bitsOf(version))
    for (const each of this.#lengths[version]) {
      const pool = each <= length ? this.#pools.get(cidrOf(base, each)) : undefined
      if (pool !== undefined) return pool
    }
    return undefined
  }

  /** Pairs of pools of which the second lies in the first. */
  overlaps(): [outer: PoolInput, inner: PoolInput][] {
    const pools = [...this.#pools.values()]
    return pools.flatMap((inner) =>
      pools
        .filter((outer) => outer !== inner && cidrContains(outer.cidr, inner.cidr))
        .map((outer): [PoolInput, PoolInput] => [outer, inner]),
    )
  }

  #lengthsOf(version: 4 | 6): readonly number[] {
    const lengths = [...this.#pools.keys()].filter((cidr) => ipVersion(cidr) === version).map(cidrPrefixLength)
    return [...new Set(lengths)].toSorted((a, b) => b - a)
  }
}

function split(address: Ip | Cidr, bits: number): [base: Ip, length: number] {
  return isCidr(address) ? [cidrBase(address), cidrPrefixLength(address)] : [address, bits]
}

const isCidr = (address: Ip | Cidr): address is Cidr => address.includes('/')
