import type { Link, LinkEvent } from '@calico-node/linux'
import type { Ip } from '@calico-node/model'
import type { DataplaneOp } from './ops.ts'
import type { Manager } from './managers/manager.ts'

export interface HostLinksOptions {
  /** Which interfaces the MTU of the host is read from. */
  readonly mtuPattern: RegExp
  /** What names of workload interfaces begin with: those are no ways to other hosts. */
  readonly workloadPrefixes: readonly string[]
}

/** Taken for the MTU of a host none of whose interfaces says otherwise. */
const UNKNOWN_MTU_BYTES = 1460

/**
 * The interfaces of this host that are no workload's, as far as the ways to other hosts need to know them. Asks for nothing
 * itself; as the first of the managers it knows of an event before those that look here.
 */
export class HostLinks implements Manager {
  readonly #options: HostLinksOptions
  readonly #links = new Map<string, Link>()
  readonly #addresses = new Map<string, ReadonlySet<Ip>>()

  constructor(options: HostLinksOptions) {
    this.#options = options
  }

  onMessage(): void {}

  takeOps(): readonly DataplaneOp[] {
    return []
  }

  /** Whether an event is about such an interface. */
  concerns(event: LinkEvent): event is Extract<LinkEvent, { name: string }> {
    if (event.kind !== 'link' && event.kind !== 'addresses') return false
    return !this.#options.workloadPrefixes.some((prefix) => event.name.startsWith(prefix))
  }

  onLink(event: LinkEvent): void {
    if (!this.concerns(event)) return
    const { name } = event
    if (event.kind === 'addresses') this.#addresses.set(name, event.addresses)
    else if (event.link === undefined) {
      this.#links.delete(name)
      this.#addresses.delete(name)
    } else this.#links.set(name, event.link)
  }

  isUp(name: string): boolean {
    return this.#links.get(name)?.operUp === true
  }

  /** The interface that holds an address; not the loopback, which leads nowhere. */
  holderOf(ip: Ip): Link | undefined {
    const names = [...this.#addresses].filter(([name, held]) => name !== 'lo' && held.has(ip)).map(([name]) => name)
    return names.toSorted().flatMap((name) => this.#links.get(name) ?? [])[0]
  }

  /** The smallest MTU of the host's own interfaces that are up. */
  mtuBytes(): number {
    const { mtuPattern } = this.#options
    const sizes = [...this.#links.values()]
      .filter(({ name, operUp }) => operUp && mtuPattern.test(name))
      .map(({ mtuBytes }) => mtuBytes)
    return sizes.length === 0 ? UNKNOWN_MTU_BYTES : Math.min(...sizes)
  }
}
