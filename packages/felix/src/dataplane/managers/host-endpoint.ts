import type { Logger } from '@calico-node/core'
import type { Link, LinkEvent } from '@calico-node/linux'
import type { Ip } from '@calico-node/model'
import type { CalcMessage, DataplaneStatusSink, EndpointState, HostEndpoint } from '../../calc/messages.ts'
import { failsafePorts } from '../../config/param-types.ts'
import { hostEndpointChains, type TableChain } from '../../rules/host-endpoints.ts'
import type { DataplaneOp } from '../ops.ts'
import { governHost, type HostGovernance, type HostInterfaces, hostEndpointState } from './host-governance.ts'
import type { Manager, ManagerContext, PassOutcome } from './manager.ts'

/**
 * Host endpoints of this host: their chains in every table, the dispatch to them, and what is said about them. A host has
 * few, so all is worked out anew when an endpoint or one of the host's interfaces changes; only chains that differ are sent.
 */
export class HostEndpointManager implements Manager {
  readonly #context: ManagerContext
  readonly #log: Logger
  readonly #endpoints = new Map<string, HostEndpoint>()
  readonly #links = new Map<string, Link>()
  readonly #addresses = new Map<string, ReadonlySet<Ip>>()
  readonly #interfaces: HostInterfaces
  #governance: HostGovernance = { byInterface: new Map() }
  #dirty = true
  /** What the chains looked like when they were last sent, by table and name. */
  #sent = new Map<string, { readonly made: TableChain; readonly text: string }>()
  readonly #said = new Map<string, EndpointState>()
  #lastLogged = ''

  constructor(context: ManagerContext, log: Logger) {
    this.#context = context
    this.#log = log
    const { workloadPrefixes } = context.settings
    const isWorkload = (name: string): boolean => workloadPrefixes.some((prefix) => name.startsWith(prefix))
    this.#interfaces = { links: this.#links, addresses: this.#addresses, isWorkload }
  }

  onMessage(message: CalcMessage): void {
    if (message.kind === 'host-endpoint.update') this.#endpoints.set(message.endpoint.name, message.endpoint)
    else if (message.kind === 'host-endpoint.remove') this.#endpoints.delete(message.name)
    else return
    this.#dirty = true
  }

  onLink(event: LinkEvent): void {
    if (event.kind !== 'link' && event.kind !== 'addresses') return
    if (this.#interfaces.isWorkload(event.name)) return
    if (event.kind === 'addresses') this.#addresses.set(event.name, event.addresses)
    else if (event.link !== undefined) this.#links.set(event.name, event.link)
    else {
      this.#links.delete(event.name)
      this.#addresses.delete(event.name)
    }
    this.#dirty = true
  }

  takeOps(): readonly DataplaneOp[] {
    if (!this.#dirty) return []
    this.#dirty = false
    this.#governance = governHost(this.#endpoints.values(), this.#interfaces)
    this.#logGovernance()
    const chains = hostEndpointChains(this.#governance, this.#context.settings)
    const now = new Map(
      chains.map((made) => [`${made.table} ${made.chain.name}`, { made, text: JSON.stringify(made.chain.rules) }]),
    )
    const changed = [...now].filter(([key, { text }]) => this.#sent.get(key)?.text !== text).map(([, { made }]) => made)
    const gone = [...this.#sent].filter(([key]) => !now.has(key)).map(([, { made }]) => made)
    this.#sent = now
    return this.#context.versions.flatMap((ipVersion): DataplaneOp[] => [
      ...changed.map(({ table, chain }) => ({ kind: 'chain.set', ipVersion, table, chain }) as const),
      ...gone.map(({ table, chain: { name } }) => ({ kind: 'chain.remove', ipVersion, table, name }) as const),
    ])
  }

  onPass({ complete }: PassOutcome, status: DataplaneStatusSink): void {
    if (this.#dirty) return // what changed during the pass is not in the kernel yet
    for (const name of this.#said.keys()) {
      if (this.#endpoints.has(name)) continue
      this.#said.delete(name)
      status.hostEndpointStatus(name, undefined)
    }
    for (const [name, endpoint] of this.#endpoints) {
      const state = hostEndpointState(endpoint, this.#governance, this.#interfaces)
      if (state === this.#said.get(name) || (state === 'up' && !complete)) continue
      this.#said.set(name, state)
      status.hostEndpointStatus(name, state)
    }
  }

  /** Whoever is about to lock himself out shall be able to read what stays open. */
  #logGovernance(): void {
    const { byInterface, others } = this.#governance
    const governed = [...byInterface].map(([name, endpoint]) => `${name}=${endpoint.name}`).toSorted()
    const text = [...governed, ...(others === undefined ? [] : [`*=${others.name}`])].join(' ')
    if (text === this.#lastLogged) return
    this.#lastLogged = text
    const { inbound, outbound } = this.#context.settings.failsafes
    this.#log.info(
      text === ''
        ? 'No interface of this host is policed any more'
        : 'Interfaces of this host are policed, except for the failsafe ports',
      {
        interfaces: text,
        failsafeInbound: failsafePorts.print(inbound),
        failsafeOutbound: failsafePorts.print(outbound),
      },
    )
  }
}
