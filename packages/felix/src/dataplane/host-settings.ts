import { hasCode, type Logger } from '@calico-node/core'
import type { Driver, IpVersion, Sysctl } from '@calico-node/linux'

export interface HostSettingsOptions {
  readonly sysctl: Sysctl
  readonly versions: readonly IpVersion[]
  /** Switch on forwarding in the kernel. */
  readonly forwarding: boolean
  readonly log: Logger
}

/** Sysctls of the whole host. A host that does not forward has no workload network, so failing to make it is an error. */
export class HostSettings implements Driver {
  readonly #options: HostSettingsOptions
  constructor(options: HostSettingsOptions) {
    this.#options = options
  }

  queueResync(): void {} // nothing is remembered: every apply looks

  async apply(): Promise<void> {
    const { sysctl, versions, forwarding, log } = this.#options
    if (forwarding) {
      sysctl.write('net/ipv4/ip_forward', '1')
      if (versions.includes(6)) sysctl.write('net/ipv6/conf/all/forwarding', '1')
    }
    try {
      sysctl.write('net/netfilter/nf_conntrack_acct', '1')
    } catch (err) {
      if (!hasCode(err, 'NOT_FOUND')) log.warn('Flow accounting could not be switched on', { err })
    }
  }
}
