/**
 * Keeps what is recorded of this host's containers true to what Docker runs: after a start of ours or of Docker's, after a
 * request that failed, because Docker does not ask again, and every few minutes.
 *
 * Only what has no owner at two looks goes. Between them lies more time than Docker keeps asking for an answer, so what it
 * had in hand at the first look is done or given up at the second.
 */
import { backoffMs, hasCode, messageOf, sleep } from '@calico-node/core'
import { findHandleKey, HANDLE_PREFIX, type Ip } from '@calico-node/model'
import { handlePrefix } from './addresses.ts'
import type { DriverContext } from './context.ts'
import { deleteEndpoint, listEndpoints } from './endpoints.ts'
import { calicoLabels, giveLabels } from './labels.ts'
import { forgetNetwork, listNetworks } from './networks.ts'
import { findOrphans, isEmpty, stillOrphans, type Orphans, type Survey } from './survey.ts'

const INTERVAL_MS = 5 * 60_000

function ignoreReleased(err: unknown): readonly Ip[] {
  if (!hasCode(err, 'NOT_FOUND')) throw err
  return []
}

export class Reconciler {
  readonly #ctx: DriverContext
  #wanted = new AbortController()

  constructor(ctx: DriverContext) {
    this.#ctx = ctx
  }

  /** Asks for a run soon: something may have been lost. */
  request(): void {
    this.#wanted.abort()
  }

  /** Runs until `signal` aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      this.#wanted = new AbortController()
      try {
        await this.#once(signal)
        failures = 0
        await sleep(INTERVAL_MS, AbortSignal.any([signal, this.#wanted.signal]))
      } catch (err) {
        const level = failures === 0 ? 'warn' : 'debug'
        this.#ctx.log[level]('Cannot compare with Docker yet, will retry', { reason: messageOf(err) })
        await sleep(backoffMs(failures++, { baseMs: 1000, capMs: 10_000 }), signal)
      }
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const first = await this.#survey()
    await this.#giveLabels(first)
    const suspects = findOrphans(first)
    if (isEmpty(suspects)) return
    await sleep(this.#ctx.config.CALICO_LIBNETWORK_LEFTOVER_DELAY, signal)
    if (signal.aborted) return
    const second = await this.#survey()
    await this.#remove(stillOrphans(suspects, findOrphans(second)))
  }

  async #survey(): Promise<Survey> {
    const { client, docker, ipam, node } = this.#ctx
    const held = new Map<string, readonly Ip[]>()
    for (const { key } of (await client.store.list(`${HANDLE_PREFIX}${handlePrefix(node)}`)).kvs) {
      const handle = findHandleKey(key)
      if (handle !== undefined) held.set(handle, await ipam.ipsByHandle(handle))
    }
    return {
      held,
      endpoints: await listEndpoints(client, node),
      networks: (await listNetworks(client)).filter((network) => network.node === node),
      docker: { containers: await docker.runningContainers(), networkIds: await docker.networkIds() },
    }
  }

  async #remove({ endpoints, handles, networks }: Orphans): Promise<void> {
    const { log, ipam, client } = this.#ctx
    for (const endpoint of endpoints) {
      await deleteEndpoint(this.#ctx, endpoint)
      log.info('Removed an endpoint that no container has', { endpoint })
    }
    for (const handle of handles) {
      // An attempt that was killed early has left a handle without an address.
      const ips = await ipam.releaseByHandle(handle).catch(ignoreReleased)
      log.info('Released what no endpoint has', { handle, ips })
    }
    for (const network of networks) {
      await forgetNetwork(client, network)
      log.info('Forgot a network that Docker does not have', { network })
    }
  }

  /** Labels whose copying was cut off. */
  async #giveLabels({ endpoints, docker }: Survey): Promise<void> {
    if (!this.#ctx.config.CALICO_LIBNETWORK_LABEL_ENDPOINTS) return
    const ours = new Set<string>(endpoints.map(({ spec }) => spec.endpoint))
    for (const container of docker.containers)
      for (const endpoint of container.endpoints)
        if (ours.has(endpoint)) await giveLabels(this.#ctx, endpoint, calicoLabels(container.labels))
  }
}
