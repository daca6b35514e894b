import { CalicoError } from '@calico-node/core'
import type { Outcome } from './exec.ts'
import type { Host } from './host.ts'

/** A container of the lab: a network namespace on a host. */
export class Workload {
  readonly host: Host
  readonly name: string

  constructor(host: Host, name: string) {
    this.host = host
    this.name = name
  }

  async exec(argv: readonly string[]): Promise<Outcome> {
    return this.host.machine.exec(['ip', 'netns', 'exec', this.name, ...argv])
  }

  /** The workload's first global address of a family. @throws NOT_FOUND */
  async address(version: 4 | 6 = 4): Promise<string> {
    const { stdout } = await this.exec(['ip', '-j', `-${version}`, 'addr', 'show', 'scope', 'global'])
    const links: { addr_info: { local: string }[] }[] = stdout.trim() === '' ? [] : JSON.parse(stdout)
    const address = links.flatMap((link) => link.addr_info).map((info) => info.local)[0]
    if (address === undefined)
      throw new CalicoError('NOT_FOUND', `${this.name} on ${this.host.name} has no IPv${version} address`)
    return address
  }

  /** One echo request; true when answered within `timeoutMs`. */
  async pings(address: string, timeoutMs = 1000): Promise<boolean> {
    const { code } = await this.exec(['ping', '-n', '-q', '-c', '1', '-W', String(timeoutMs / 1000), address])
    return code === 0
  }
}
