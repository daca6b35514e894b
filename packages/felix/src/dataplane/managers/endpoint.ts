import type { Logger } from '@calico-node/core'
import type { Link, LinkEvent } from '@calico-node/linux'
import {
  type CalcMessage,
  type DataplaneStatusSink,
  type EndpointState,
  type WorkloadEndpoint,
  type WorkloadId,
  workloadKey,
} from '../../calc/messages.ts'
import type { DataplaneOp } from '../ops.ts'
import type { Manager, PassOutcome } from './manager.ts'
import { WorkloadChains } from './workload-chains.ts'
import { interfaceOps, type WorkloadContext } from './workload-plan.ts'

export interface StatusChange {
  readonly id: WorkloadId
  /** Undefined: the endpoint is gone. */
  readonly state: EndpointState | undefined
}

/**
 * Workload endpoints of this host: their chains and the dispatch to them, routes, neighbours, sysctls, and what is said
 * about them. Where several endpoints name one interface the first by key owns it and the others wait, in state `error`.
 */
export class EndpointManager implements Manager {
  readonly #context: WorkloadContext
  readonly #log: Logger
  readonly #endpoints = new Map<string, WorkloadEndpoint>()
  /** By interface: keys of the endpoints that name it. */
  readonly #claims = new Map<string, Set<string>>()
  readonly #links = new Map<string, Link>()
  readonly #dirty = new Set<string>()
  readonly #flapped = new Set<string>()
  readonly #chains: WorkloadChains
  /** Endpoints that changed since the last `takeOps`, and those that changed before and may have a state to tell. */
  readonly #changed = new Map<string, WorkloadId>()
  readonly #unsaid = new Map<string, WorkloadId>()
  readonly #said = new Map<string, EndpointState>()
  #ailing: ReadonlySet<string> = new Set()

  constructor(context: WorkloadContext, log: Logger) {
    this.#context = context
    this.#log = log
    this.#chains = new WorkloadChains(context)
  }

  onMessage(message: CalcMessage): void {
    if (message.kind === 'workload.update') this.#replace(message.endpoint.id, message.endpoint)
    else if (message.kind === 'workload.remove') this.#replace(message.id, undefined)
  }

  onLink(event: LinkEvent): void {
    if (event.kind !== 'link') return
    if (event.link === undefined) this.#links.delete(event.name)
    else this.#links.set(event.name, event.link)
    if (!this.#claims.has(event.name)) return
    this.#flapped.add(event.name)
    this.#touch(event.name)
  }

  takeOps(): readonly DataplaneOp[] {
    const ops = [...this.#dirty].flatMap((name) => this.#interfaceOps(name))
    this.#dirty.clear()
    this.#flapped.clear()
    for (const [key, id] of this.#changed) this.#unsaid.set(key, id)
    this.#changed.clear()
    return [...ops, ...this.#chains.takeOps()]
  }

  onPass(outcome: PassOutcome, status: DataplaneStatusSink): void {
    for (const { id, state } of this.takeStatusChanges(outcome)) status.workloadStatus(id, state)
  }

  /** What is new to say about endpoints, given how the pass went that applied the ops. */
  takeStatusChanges({ ailing, complete }: PassOutcome): StatusChange[] {
    for (const name of ailing.symmetricDifference(this.#ailing)) this.#noteClaims(name, this.#unsaid)
    this.#ailing = ailing
    const changes: StatusChange[] = []
    for (const [key, id] of this.#unsaid) {
      const state = this.#stateOf(key)
      // what changed during the pass is not in the kernel yet; both are asked for again after the next one
      if (this.#changed.has(key) || (state === 'up' && !complete)) continue
      this.#unsaid.delete(key)
      if (state === this.#said.get(key)) continue
      if (state === undefined) this.#said.delete(key)
      else this.#said.set(key, state)
      changes.push({ id, state })
    }
    return changes
  }

  #replace(id: WorkloadId, endpoint: WorkloadEndpoint | undefined): void {
    const key = workloadKey(id)
    const before = this.#endpoints.get(key)
    this.#changed.set(key, id)
    if (before !== undefined && before.interfaceName !== endpoint?.interfaceName)
      this.#unclaim(before.interfaceName, key)
    if (endpoint === undefined) {
      this.#endpoints.delete(key)
      return
    }
    this.#endpoints.set(key, endpoint)
    const claims = this.#claims.get(endpoint.interfaceName) ?? new Set()
    this.#claims.set(endpoint.interfaceName, claims.add(key))
    if (claims.size > 1 && before === undefined) {
      this.#log.warn('Endpoints share an interface, the first by name has it', {
        interface: endpoint.interfaceName,
        endpoints: [...claims].toSorted(),
      })
    }
    this.#touch(endpoint.interfaceName)
  }

  #unclaim(name: string, key: string): void {
    const claims = this.#claims.get(name)
    claims?.delete(key)
    this.#touch(name)
    if (claims?.size === 0) this.#claims.delete(name)
  }

  #touch(name: string): void {
    this.#dirty.add(name)
    this.#noteClaims(name, this.#changed)
  }

  #noteClaims(name: string, into: Map<string, WorkloadId>): void {
    for (const key of this.#claims.get(name) ?? []) {
      const endpoint = this.#endpoints.get(key)
      if (endpoint !== undefined) into.set(key, endpoint.id)
    }
  }

  #ownerOf(name: string): WorkloadEndpoint | undefined {
    const [first] = [...(this.#claims.get(name) ?? [])].toSorted()
    return first === undefined ? undefined : this.#endpoints.get(first)
  }

  #interfaceOps(name: string): DataplaneOp[] {
    const endpoint = this.#ownerOf(name)
    this.#chains.set(name, endpoint)
    return interfaceOps(
      { name, endpoint, link: this.#links.get(name), flapped: this.#flapped.has(name) },
      this.#context,
    )
  }

  #stateOf(key: string): EndpointState | undefined {
    const endpoint = this.#endpoints.get(key)
    if (endpoint === undefined) return undefined
    const name = endpoint.interfaceName
    if (this.#ownerOf(name) !== endpoint || this.#ailing.has(name)) return 'error'
    return this.#links.get(name)?.operUp === true ? 'up' : 'down'
  }
}
