import { sleep } from '@calico-node/core'
import { CuttingProxy } from './cutting-proxy.ts'
import type { TestEtcd } from './with-etcd.ts'

/**
 * A network between one client and each member of an etcd. Until it is healed it picks faults at random, each member on
 * its own: replies or requests vanish, everything comes late, and at last the connection is cut.
 */
export class BadNetwork {
  /** One a member; a client that is given these has nothing but the bad network. */
  readonly endpoints: readonly string[]
  /** Faults so far, for tests that must not pass on a quiet network. */
  readonly faults = { delayed: 0, swallowed: 0, cut: 0 }
  readonly #proxies: readonly CuttingProxy[]
  readonly #healed = new AbortController()
  readonly #misbehaving: Promise<void>[]

  private constructor(proxies: readonly CuttingProxy[]) {
    this.#proxies = proxies
    this.endpoints = proxies.map(({ port }) => `http://127.0.0.1:${port}`)
    this.#misbehaving = proxies.map((proxy) => this.#misbehave(proxy))
  }

  static async between({ members }: TestEtcd): Promise<BadNetwork> {
    return new BadNetwork(await Promise.all(members.map(({ clientPort }) => CuttingProxy.start(clientPort))))
  }

  /** Ends the faults; what passes from now on passes. */
  async heal(): Promise<void> {
    this.#healed.abort()
    await Promise.all(this.#misbehaving)
  }

  async stop(): Promise<void> {
    await this.heal()
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()))
  }

  async #misbehave(proxy: CuttingProxy): Promise<void> {
    const { signal } = this.#healed
    while (!signal.aborted) {
      await sleep(Math.random() * 400, signal)
      this.#begin(proxy)
      await sleep(Math.random() * 200, signal)
      this.faults.cut += proxy.openConnections
      proxy.cut()
      proxy.swallow.clear()
      proxy.delayMs = 0
    }
  }

  /** One of four: late, deaf, dumb, or merely cut. */
  #begin(proxy: CuttingProxy): void {
    const fault = Math.floor(Math.random() * 4)
    if (fault === 0) proxy.delayMs = Math.random() * 50
    else if (fault === 1) proxy.swallow.add('down')
    else if (fault === 2) proxy.swallow.add('up')
    if (fault === 0) this.faults.delayed += 1
    else if (fault < 3) this.faults.swallowed += 1
  }
}
