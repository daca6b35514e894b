/**
 * Looks again and again whether this host still has the addresses that its Node says: DHCP, a replaced card or an operator may
 * have changed them. What start-up would decide now is what the Node gets; Felix and confd follow the Node.
 *
 * What cannot be decided is told once and tried again at the next turn: a node that keeps its old address is no worse than one
 * that ends. AS number and cluster ID are left to those who have set them.
 */
import { CalicoError, messageOf, sleep } from '@calico-node/core'
import { parseConnection } from '@calico-node/datastore'
import { type AddressPlan, ensureNodeAddresses, gatherAddresses, type Note } from '@calico-node/node-address'
import type { NodeServicesConfig } from './params.ts'
import type { NodeService, ServiceContext } from './services.ts'

export const addressMonitor: NodeService = {
  name: 'address-monitor',
  summary: 'the addresses in the Node, when those of the host change',
  run: async (context) => {
    const { config, signal } = context
    const everyMs = config.AUTODETECT_POLL_INTERVAL
    const watching = isNetworked(config) && everyMs > 0
    if (!watching) await sleep(2 ** 31 - 1, signal)
    const rounds = new Rounds(context)
    while (!signal.aborted) {
      await sleep(everyMs, signal)
      if (!signal.aborted) await rounds.next()
    }
  },
}

const isNetworked = ({ CALICO_NETWORKING: old, CALICO_NETWORKING_BACKEND: backend }: NodeServicesConfig): boolean =>
  old ?? backend !== 'none'

const planOf = (config: NodeServicesConfig): AddressPlan => ({
  ipv4: { setting: config.IP, method: config.IP_AUTODETECTION_METHOD },
  ipv6: { setting: config.IP6, method: config.IP6_AUTODETECTION_METHOD },
  check: !config.DISABLE_NODE_IP_CHECK,
  etcdEndpoints: parseConnection({ env: process.env }).endpoints,
})

class Rounds {
  readonly #context: ServiceContext
  readonly #plan: AddressPlan
  /** What the last round had to say; start-up has said the first itself. */
  #said: ReadonlySet<string> | undefined
  #obstacle = ''

  constructor(context: ServiceContext) {
    this.#context = context
    this.#plan = planOf(context.config)
  }

  async next(): Promise<void> {
    const { client, node: name, log } = this.#context
    const notes: Note[] = []
    try {
      const addresses = await gatherAddresses()
      const tell = (note: Note): void => void notes.push(note)
      await ensureNodeAddresses({ client, name, log, plan: this.#plan, addresses, tell })
      if (this.#obstacle !== '') log.info('The addresses of this node are as they should be again')
      this.#obstacle = ''
    } catch (err) {
      if (!(err instanceof CalicoError)) throw err
      if (messageOf(err) !== this.#obstacle)
        log.warn('Cannot bring the addresses of this node up to date, will retry', { err })
      this.#obstacle = messageOf(err)
    }
    this.#tellNew(notes)
  }

  #tellNew(notes: readonly Note[]): void {
    const said = this.#said
    this.#said = new Set(notes.map((note) => JSON.stringify(note)))
    if (said === undefined) return
    for (const note of notes) {
      if (!said.has(JSON.stringify(note))) this.#context.log[note.level](note.message, note.fields)
    }
  }
}
