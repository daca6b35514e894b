/**
 * Addresses for Docker, which asks for one before it names the endpoint that it is for. So each address has a handle of its
 * own, which tells the node: that is how those are found that nobody uses.
 */
import { randomUUID } from 'node:crypto'
import { CalicoError, hasCode, type Logger } from '@calico-node/core'
import { printTimestamp, unixNanoseconds, type Ipam } from '@calico-node/ipam'
import type { CalicoClient } from '@calico-node/datastore'
import { hostCidr, type Cidr, type Ip, type IpVersion, type NodeName } from '@calico-node/model'
import { listEndpoints } from './endpoints.ts'

/** What the handles of a node begin with. */
export const handlePrefix = (node: NodeName): string => `libnetwork.${node}.`

export interface AddressesOptions {
  readonly client: CalicoClient
  readonly ipam: Ipam
  readonly node: NodeName
  readonly log: Logger
}

export class Addresses {
  readonly #opts: AddressesOptions
  /** What this process has given to Docker and not been told to release. */
  readonly #given = new Set<Ip>()

  constructor(opts: AddressesOptions) {
    this.#opts = opts
  }

  /** Any address, of one pool or of all that are meant for the node. @throws EXHAUSTED, NOT_FOUND, ... as IPAM */
  async takeAny(version: IpVersion, pool?: Cidr): Promise<Ip> {
    const { ips, shortfall } = await this.#opts.ipam.autoAssign({
      ...this.#holder(),
      use: 'Workload',
      version,
      ...(pool !== undefined && { pools: [pool] }),
    })
    const [first] = ips
    if (first === undefined)
      throw shortfall ?? new CalicoError('EXHAUSTED', `Cannot assign an IPv${version} address: none is free`)
    this.#given.add(first.ip)
    return first.ip
  }

  /**
   * One given address. An attempt that died with an earlier process may have taken it: nobody but us gives this node's
   * handles, and no endpoint has it.
   *
   * @throws ALREADY_EXISTS, INVALID, ... as IPAM
   */
  async take(ip: Ip): Promise<void> {
    try {
      await this.#opts.ipam.assignIp({ ...this.#holder(), ip })
    } catch (err) {
      if (!hasCode(err, 'ALREADY_EXISTS') || this.#given.has(ip) || !(await this.#isLeftover(ip))) throw err
      this.#opts.log.info('An address of an attempt that died is used again', { ip })
    }
    this.#given.add(ip)
  }

  /**
   * Makes sure that an address is assigned that Docker has from us: a long stop of the plugin between Docker's two requests
   * may have cost it.
   *
   * @throws ALREADY_EXISTS when somebody else has it
   */
  async keep(ip: Ip): Promise<void> {
    const holder = await this.#opts.ipam.findHolder(ip)
    if (holder === undefined) return this.take(ip)
    if (holder.handle?.startsWith(handlePrefix(this.#opts.node)) === true) return
    throw new CalicoError('ALREADY_EXISTS', `Cannot use ${ip}: it is assigned to ${holder.handle ?? 'somebody else'}`)
  }

  /** What nobody has is fine. */
  async release(ip: Ip): Promise<void> {
    this.#given.delete(ip)
    const holder = await this.#opts.ipam.findHolder(ip)
    if (holder?.handle?.startsWith(handlePrefix(this.#opts.node)) !== true) return
    await this.#opts.ipam.releaseIps([{ ip, handle: holder.handle }])
  }

  async #isLeftover(ip: Ip): Promise<boolean> {
    const { ipam, client, node } = this.#opts
    const holder = await ipam.findHolder(ip)
    if (holder?.handle?.startsWith(handlePrefix(node)) !== true) return false
    const endpoints = await listEndpoints(client, node)
    return !endpoints.some(({ spec }) => (spec.ipNetworks ?? []).includes(hostCidr(ip)))
  }

  #holder(): { readonly node: NodeName; readonly handle: string; readonly attributes: Record<string, string> } {
    const { node } = this.#opts
    const attributes = { timestamp: printTimestamp(unixNanoseconds()) }
    return { node, handle: `${handlePrefix(node)}${randomUUID()}`, attributes }
  }
}
