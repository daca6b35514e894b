import type { Cidr, IPPoolResource } from '@calico-node/model'

/** How long BIRD goes on writing routes of a pool that was given encapsulation. */
const LINGER_MS = 10_000

/**
 * Pools that BIRD has just lost to Felix. Felix needs a moment for a tunnel, and its routes are better in the kernel's eyes, so
 * that BIRD's may stay until then and nothing is lost. A confd that starts knows of no such pool and lets go at once.
 */
export class Handover {
  readonly #now: () => number
  readonly #until = new Map<Cidr, number>()

  /** @param now Monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  poolChanged(before: IPPoolResource | undefined, after: IPPoolResource | undefined): void {
    if (before !== undefined && before.spec.cidr !== after?.spec.cidr) this.#until.delete(before.spec.cidr)
    if (after === undefined) return
    const { cidr } = after.spec
    if (!isEncapsulated(after)) this.#until.delete(cidr)
    else if (before?.spec.cidr === cidr && !isEncapsulated(before)) this.#until.set(cidr, this.#now() + LINGER_MS)
  }

  /** Networks of the pools in question. */
  networks(): ReadonlySet<Cidr> {
    const now = this.#now()
    return new Set([...this.#until].filter(([, until]) => until > now).map(([cidr]) => cidr))
  }

  /** Milliseconds until `networks` says less; undefined when it will not by itself. */
  dueInMs(): number | undefined {
    const waits = [...this.#until.values()].map((until) => until - this.#now()).filter((wait) => wait > 0)
    return waits.length === 0 ? undefined : Math.min(...waits)
  }
}

const isEncapsulated = ({ spec }: IPPoolResource): boolean => spec.ipipMode !== 'Never' || spec.vxlanMode !== 'Never'
