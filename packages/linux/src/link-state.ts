/**
 * From dumps of interfaces to events, with losses held back. Pure: time comes in as a number.
 *
 * A DHCP client renews an address by deleting and adding it; an interface that is reconfigured goes down and up. Acting on
 * either would tear down what is needed again a moment later, so the loss of an address and of carrier is believed only after
 * it has lasted. Gains, and interfaces that appear or are gone, are believed at once.
 */
import type { Ip } from '@calico-node/model'
import type { InterfaceAddress } from './ip-json.ts'
import type { Link, LinkEvent } from './ports.ts'

export interface LinkDump {
  readonly links: readonly Link[]
  readonly addresses: readonly InterfaceAddress[]
  /** False: something changed meanwhile, so what is missing proves nothing. */
  readonly complete: boolean
}

interface Known {
  readonly link: Link
  readonly addresses: ReadonlySet<Ip>
}

export class LinkState {
  readonly #holdMs: number
  readonly #tracksAddresses: (name: string) => boolean
  #known = new Map<string, Known>()
  /** When each loss was first seen, by `link NAME` or `NAME IP`. */
  #lostSince = new Map<string, number>()

  /** @param opts.tracksAddresses Whether anybody cares for the addresses of this interface. Default: all. */
  constructor(opts: { holdMs: number; tracksAddresses?: (name: string) => boolean }) {
    this.#holdMs = opts.holdMs
    this.#tracksAddresses = opts.tracksAddresses ?? ((): boolean => true)
  }

  /** When the earliest loss that is held back must be looked at again; undefined when there is none. */
  dueAt(): number | undefined {
    const earliest = Math.min(...this.#lostSince.values())
    return earliest === Infinity ? undefined : earliest + this.#holdMs
  }

  /** @returns What changed, for `links` before `addresses` of the same interface. */
  absorb({ links, addresses, complete }: LinkDump, nowMs: number): LinkEvent[] {
    const events: LinkEvent[] = []
    const known = new Map<string, Known>()
    const lost = new Map<string, number>()
    const held = (key: string): boolean => {
      const since = this.#lostSince.get(key) ?? nowMs
      if (complete && nowMs - since >= this.#holdMs) return false
      lost.set(key, since)
      return true
    }
    const byDevice = Map.groupBy(addresses, ({ dev }) => dev)
    for (const fresh of links) {
      const { name } = fresh
      const same = this.#known.get(name)
      const before = same?.link.index === fresh.index ? same : undefined
      if (same !== undefined && before === undefined) events.push({ kind: 'link', name, link: undefined })
      const downHeld = before?.link.operUp === true && !fresh.operUp && held(`link ${name}`)
      const link = downHeld ? { ...fresh, operUp: true } : fresh
      if (before === undefined || !sameLink(before.link, link)) events.push({ kind: 'link', name, link })
      const now = this.#tracksAddresses(name) ? (byDevice.get(name) ?? []).map(({ ip }) => ip) : []
      const kept = [...(before?.addresses ?? [])].filter((ip) => !now.includes(ip) && held(`${name} ${ip}`))
      const set = new Set([...now, ...kept])
      if (before === undefined ? set.size > 0 : set.symmetricDifference(before.addresses).size > 0) {
        events.push({ kind: 'addresses', name, addresses: set })
      }
      known.set(name, { link, addresses: set })
    }
    for (const [name, before] of this.#known) {
      if (known.has(name)) continue
      if (complete) events.push({ kind: 'link', name, link: undefined })
      else known.set(name, before)
    }
    this.#known = known
    this.#lostSince = lost
    return events
  }
}

const sameLink = (a: Link, b: Link): boolean =>
  a.index === b.index && a.operUp === b.operUp && a.mac === b.mac && a.mtuBytes === b.mtuBytes && a.kind === b.kind
