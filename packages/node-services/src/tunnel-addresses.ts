/**
 * Keeps the tunnel addresses of this node: one for each kind of tunnel that a pool asks for, given by IPAM and written into
 * the Node, where Felix of this and every other node finds it. Acts at start and whenever a pool or this Node changes, also
 * when somebody else changes the Node's addresses.
 *
 * A failure is tried again with back-off: without a tunnel address workloads still reach each other, so that it is no reason
 * to end. What went wrong is told once until it changes.
 */
import { backoffMs, CalicoError, messageOf, sleep } from '@calico-node/core'
import { sync } from '@calico-node/datastore'
import { Ipam, TUNNEL_KINDS, tunnelAddress } from '@calico-node/ipam'
import { type NodeResource, resourceKey, resourcePrefix } from '@calico-node/model'
import type { NodeService, ServiceContext } from './services.ts'

const RETRY = { baseMs: 500, capMs: 30_000 } as const

export const tunnelAddresses: NodeService = {
  name: 'tunnel-addresses',
  summary: "this node's tunnel addresses, as the IP pools ask for",
  run: (context) => new TunnelAddressKeeper(context).run(),
}

class TunnelAddressKeeper {
  readonly #context: ServiceContext
  readonly #ipam: Ipam
  #changed = Promise.withResolvers<void>()
  #isDirty = false
  #inSync = false

  constructor(context: ServiceContext) {
    this.#context = context
    this.#ipam = new Ipam(context)
  }

  async run(): Promise<void> {
    await Promise.all([this.#follow(), this.#keep()])
  }

  async #follow(): Promise<void> {
    const { client, node, log, signal } = this.#context
    const own = resourceKey('Node', node)
    const pools = resourcePrefix('IPPool')
    for await (const event of sync(client.store, [pools, own], { log, signal })) {
      if (event.kind === 'in-sync') this.#inSync = true
      const concerns = event.kind === 'updates' && event.updates.some(({ key }) => key === own || key.startsWith(pools))
      if (this.#inSync && (concerns || event.kind === 'in-sync')) this.#wake()
    }
    this.#wake()
  }

  #wake(): void {
    this.#isDirty = true
    this.#changed.resolve()
  }

  async #keep(): Promise<void> {
    const { log, signal } = this.#context
    let obstacle = ''
    for (let failures = 0; !signal.aborted; ) {
      if (!this.#isDirty) await this.#changed.promise
      this.#changed = Promise.withResolvers()
      this.#isDirty = false
      if (signal.aborted) return
      try {
        await this.#ensure()
        if (obstacle !== '') log.info('Tunnel addresses are as they should be again')
        obstacle = ''
        failures = 0
      } catch (err) {
        if (!(err instanceof CalicoError)) throw err
        if (messageOf(err) !== obstacle) log.warn('Cannot give this node its tunnel addresses, will retry', { err })
        obstacle = messageOf(err)
        this.#isDirty = true
        await Promise.race([sleep(backoffMs(failures++, RETRY), signal), this.#changed.promise])
      }
    }
  }

  async #ensure(): Promise<void> {
    const { client, node, log } = this.#context
    const before = await client.resources('Node').get(node)
    const after = await this.#ipam.ensureTunnelAddresses(node)
    if (addressesOf(before) === addressesOf(after)) return
    log.info('Tunnel addresses of this node changed', { before: addressesOf(before), after: addressesOf(after) })
  }
}

const addressesOf = (node: NodeResource): string =>
  TUNNEL_KINDS.flatMap((kind) => {
    const ip = tunnelAddress(kind, node)
    return ip === undefined ? [] : [`${kind} ${ip}`]
  }).join(', ')
