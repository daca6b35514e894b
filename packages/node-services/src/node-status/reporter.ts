/**
 * Reports the state of BIRD into the CalicoNodeStatus resources that ask this node for it, each in its own period. Our own
 * reports come back as changes of the resource and are told from wishes by the spec. BIRD that does not answer is part of the
 * report, not an error.
 */
import { join } from 'node:path'
import { BirdClient } from '@calico-node/birdc'
import { CalicoError, hasCode, messageOf, sleep } from '@calico-node/core'
import { sync } from '@calico-node/datastore'
import { type CalicoNodeStatusSpec, decodeResource, resourcePrefix } from '@calico-node/model'
import type { NodeService, ServiceContext } from '../services.ts'
import { type BirdView, MAX_ROUTES, nodeStatus } from './report.ts'

interface Wish {
  readonly name: string
  readonly spec: CalicoNodeStatusSpec
  /** The spec as text, to tell a new wish from our own report. */
  readonly text: string
  /** On the clock of `performance.now()`. */
  dueMs: number
}

/** A report that could not be written is made again after this, or in its period when that is longer. */
const RETRY_MS = 5000

export const nodeStatusReporter: NodeService = {
  name: 'node-status',
  summary: 'the CalicoNodeStatus resources that ask for this node',
  run: (context) => new Reporter(context).run(),
}

class Reporter {
  readonly #context: ServiceContext
  /** By key. */
  readonly #wishes = new Map<string, Wish>()
  #changed = Promise.withResolvers<void>()

  constructor(context: ServiceContext) {
    this.#context = context
  }

  async run(): Promise<void> {
    await Promise.all([this.#follow(), this.#report()])
  }

  async #follow(): Promise<void> {
    const { client, log, signal } = this.#context
    for await (const event of sync(client.store, [resourcePrefix('CalicoNodeStatus')], { log, signal })) {
      if (event.kind !== 'updates') continue
      for (const { key, kv } of event.updates) this.#note(key, kv)
    }
    this.#changed.resolve()
  }

  #note(key: string, kv: { readonly value: string; readonly modRevision: bigint } | undefined): void {
    const wish = kv === undefined ? undefined : this.#wishOf(key, kv)
    const known = this.#wishes.get(key)
    if (wish === undefined) this.#wishes.delete(key)
    else if (wish.text !== known?.text) {
      this.#wishes.set(key, wish)
      this.#changed.resolve()
    }
  }

  #wishOf(key: string, kv: { readonly value: string; readonly modRevision: bigint }): Wish | undefined {
    const { node, log } = this.#context
    try {
      const { metadata, spec } = decodeResource('CalicoNodeStatus', kv.value, { key, modRevision: kv.modRevision })
      if (spec.node !== node || (spec.updatePeriodSeconds ?? 0) === 0) return undefined
      return { name: metadata.name, spec, text: JSON.stringify(spec), dueMs: performance.now() }
    } catch (err) {
      if (!hasCode(err, 'INVALID')) throw err
      log.warn('A request for the status of a node is malformed and treated as missing', { key, err })
      return undefined
    }
  }

  async #report(): Promise<void> {
    const { signal } = this.#context
    while (!signal.aborted) {
      const next = Math.min(...[...this.#wishes.values()].map(({ dueMs }) => dueMs))
      const pauseMs = Math.min(Math.max(0, next - performance.now()), 60_000)
      if (pauseMs > 0) await Promise.race([sleep(pauseMs, signal), this.#changed.promise])
      this.#changed = Promise.withResolvers()
      const due = [...this.#wishes.values()].filter(({ dueMs }) => dueMs <= performance.now())
      for (const wish of due) if (!signal.aborted) await this.#fulfil(wish)
    }
  }

  async #fulfil(wish: Wish): Promise<void> {
    const { client, log } = this.#context
    const { name, spec } = wish
    wish.dueMs = performance.now() + (spec.updatePeriodSeconds ?? 0) * 1000
    try {
      const withRoutes = spec.classes === undefined || spec.classes.length === 0 || spec.classes.includes('Routes')
      const status = nodeStatus(
        { 4: await this.#ask('bird', withRoutes), 6: await this.#ask('bird6', withRoutes) },
        spec.classes,
        new Date(),
      )
      await client.resources('CalicoNodeStatus').modify(name, undefined, (stored) => ({ ...stored, status }))
    } catch (err) {
      if (hasCode(err, 'NOT_FOUND')) return // it was deleted meanwhile
      if (!(err instanceof CalicoError)) throw err
      wish.dueMs = Math.max(wish.dueMs, performance.now() + RETRY_MS)
      log.warn('Cannot report the status of this node, will retry', { resource: name, err })
    }
  }

  async #ask(name: 'bird' | 'bird6', withRoutes: boolean): Promise<BirdView> {
    const { config, log } = this.#context
    const bird = new BirdClient(join(config.CALICO_BIRD_RUN_DIR, `${name}.ctl`))
    try {
      const [status, protocols] = [await bird.status(), await bird.protocolDetails()]
      if (!withRoutes) return { status, protocols }
      const routes = await bird.routes()
      if (routes.length > MAX_ROUTES)
        log.warn('The report of this node leaves routes out', {
          daemon: name,
          routes: routes.length,
          reported: MAX_ROUTES,
        })
      return { status, protocols, routes }
    } catch (err) {
      if (!(err instanceof CalicoError)) throw err
      log.debug('BIRD does not answer', { daemon: name, err: messageOf(err) })
      return {}
    }
  }
}
