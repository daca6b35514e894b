/**
 * The tunnel devices of this host: `vxlan.calico`, `vxlan-v6.calico`, `tunl0`.
 *
 * Each device has the wanted parameters, one address and nothing more, and is up. What can be changed is changed in place; a
 * device is made anew only where the kernel leaves no choice, because that takes its routes along.
 *
 * Restart: the devices are known by their names; one that is as wanted is not touched. `tunl0` belongs to the kernel, so it is
 * never deleted; its addresses are ours.
 */
import { release } from 'node:os'
import { backoffMs, CalicoError, type Logger, messageOf } from '@calico-node/core'
import { ipVersion, parseIpInterface, type IpInterface } from '@calico-node/model'
import { addressesOf, parseRecords, type InterfaceAddress } from './ip-json.ts'
import { addAddress, deleteLink, isAbsent, removeAddress, setLink } from './links.ts'
import { isVxlanDevice } from './ownership.ts'
import type { TunnelDevice, TunnelDevices } from './ports.ts'
import { runTool } from './run.ts'
import { breaksChecksums, creationWords, sameBase, tunnelLinkOf, wantedBase, type TunnelLink } from './tunnel-text.ts'

export function createTunnelDevices({ log }: { log: Logger }): TunnelDevices {
  return new KernelTunnels(log.child({ component: 'tunnel-devices' }))
}

interface Standing extends TunnelLink {
  readonly addresses: readonly InterfaceAddress[]
}

class KernelTunnels implements TunnelDevices {
  readonly #log: Logger
  /** By name; undefined = must go. */
  readonly #wanted = new Map<string, TunnelDevice | undefined>()
  readonly #dirty = new Set<string>()
  #failures = 0
  #retryAt = Infinity

  constructor(log: Logger) {
    this.#log = log
  }

  setDevice(device: TunnelDevice): void {
    this.#wanted.set(device.name, device)
    this.#dirty.add(device.name)
  }

  removeDevice(name: string): void {
    this.#wanted.set(name, undefined)
    this.#dirty.add(name)
  }

  queueResync(): void {
    for (const name of this.#wanted.keys()) this.#dirty.add(name)
  }

  dueInMs(): number | undefined {
    return this.#retryAt === Infinity ? undefined : Math.max(0, this.#retryAt - performance.now())
  }

  async apply(): Promise<void> {
    const errors = new Map<string, unknown>()
    for (const name of this.#dirty) {
      try {
        await this.#converge(name, this.#wanted.get(name))
        this.#dirty.delete(name)
      } catch (err) {
        errors.set(name, err)
      }
    }
    this.#retryAt = errors.size === 0 ? Infinity : performance.now() + backoffMs(this.#failures, { baseMs: 1000 })
    this.#failures = errors.size === 0 ? 0 : this.#failures + 1
    if (errors.size === 0) return
    const names = [...errors.keys()]
    const reasons = [...errors].map(([name, err]) => `${name}: ${messageOf(err)}`)
    const cause = new AggregateError(errors.values(), reasons.join('; '))
    throw new CalicoError('APPLY_FAILED', `Cannot set up tunnel devices: ${reasons.join('; ')}`, {
      context: { names },
      cause,
    })
  }

  async #converge(name: string, wanted: TunnelDevice | undefined): Promise<void> {
    const have = await findTunnel(name)
    if (wanted === undefined) return this.#remove(name, have)
    const fits = have !== undefined && sameBase(have.base, wantedBase(wanted))
    if (have !== undefined && !fits) await this.#delete(name)
    if (!fits) await this.#create(wanted)
    const standing = fits ? have : await findTunnel(name)
    if (standing === undefined) throw new CalicoError('NOT_FOUND', `Cannot find ${name}: somebody removed it`)
    await this.#adjust(wanted, standing)
  }

  async #create(device: TunnelDevice): Promise<void> {
    const { name, vxlan } = device
    try {
      await runTool('ip', ['link', 'add', ...creationWords(device)])
    } catch (err) {
      if (vxlan !== undefined || !messageOf(err).includes('File exists')) throw err
    }
    this.#log.info('Made a tunnel device', { device: name, ...vxlan })
    if (!breaksChecksums(release())) return
    await runTool('ethtool', ['-K', name, 'tx', 'off']).catch((err: unknown) =>
      this.#log.warn('Checksum offload of a tunnel could not be switched off, packets may be damaged', {
        device: name,
        err,
      }),
    )
  }

  async #adjust({ name, mtuBytes, address, vxlan }: TunnelDevice, have: Standing): Promise<void> {
    if (have.mtuBytes !== mtuBytes) await setLink(name, { mtuBytes })
    if (vxlan !== undefined && have.mac !== vxlan.mac) await setLink(name, { mac: vxlan.mac })
    if (!have.up) await setLink(name, { up: true })
    const family = vxlan === undefined ? 4 : ipVersion(vxlan.local)
    const others = have.addresses.filter(({ ip, scope }) => ipVersion(ip) === family && scope !== 'link')
    const stands = others.some(({ ip, prefixLength }) => ip === address && prefixLength === hostLength(family))
    if (address !== undefined && !stands) await addAddress(name, parseIpInterface(address))
    for (const other of others) {
      if (other.ip !== address || other.prefixLength !== hostLength(family))
        await removeAddress(name, interfaceOf(other))
    }
  }

  async #remove(name: string, have: Standing | undefined): Promise<void> {
    if (have === undefined) return
    if (isVxlanDevice(name)) return this.#delete(name)
    for (const address of have.addresses.filter(({ ip }) => ipVersion(ip) === 4))
      await removeAddress(name, interfaceOf(address))
  }

  async #delete(name: string): Promise<void> {
    await deleteLink(name)
    this.#log.info('Removed a tunnel device', { device: name })
  }
}

const interfaceOf = ({ ip, prefixLength }: InterfaceAddress): IpInterface => parseIpInterface(`${ip}/${prefixLength}`)
const hostLength = (version: 4 | 6): number => (version === 4 ? 32 : 128)

async function findTunnel(name: string): Promise<Standing | undefined> {
  try {
    const [record] = parseRecords(await runTool('ip', ['-j', '-d', 'address', 'show', 'dev', name]))
    return record && { ...tunnelLinkOf(record), addresses: addressesOf(record) }
  } catch (err) {
    if (isAbsent(err)) return undefined
    throw err
  }
}
