/** Tunnel devices as `ip` shows them, and the words that make them. Pure. */
import { findIp, findMac, type Ip, type Mac } from '@calico-node/model'
import { isRecord, numberOf, textOf, type IpRecord } from './ip-json.ts'
import type { TunnelDevice, VxlanParameters } from './ports.ts'

/** What of a device cannot be changed while it exists; undefined for parts that a foreign device lacks. */
export interface TunnelBase {
  readonly kind: string | undefined
  readonly vni?: number | undefined
  readonly port?: number | undefined
  readonly parent?: string | undefined
  readonly local?: Ip | undefined
  /** Ways in which a VXLAN device finds others without us. */
  readonly finds?: boolean
}

export interface TunnelLink {
  readonly base: TunnelBase
  readonly mac: Mac | undefined
  readonly mtuBytes: number | undefined
  readonly up: boolean
}

export function tunnelLinkOf(record: IpRecord): TunnelLink {
  const info = record['linkinfo']
  const kind = isRecord(info) ? textOf(info, 'info_kind') : undefined
  const data = isRecord(info) && isRecord(info['info_data']) ? info['info_data'] : {}
  const flags = record['flags']
  return {
    base: kind === 'vxlan' ? vxlanBase(data) : { kind },
    mac: findMac(textOf(record, 'address') ?? ''),
    mtuBytes: numberOf(record, 'mtu'),
    up: Array.isArray(flags) && flags.includes('UP'),
  }
}

const vxlanBase = (data: IpRecord): TunnelBase => ({
  kind: 'vxlan',
  vni: numberOf(data, 'id'),
  port: numberOf(data, 'port'),
  parent: textOf(data, 'link'),
  local: findIp(textOf(data, 'local') ?? textOf(data, 'local6') ?? ''),
  finds: data['learning'] !== false || ['remote', 'remote6', 'group', 'group6'].some((word) => word in data),
})

export function wantedBase({ vxlan }: TunnelDevice): TunnelBase {
  if (vxlan === undefined) return { kind: 'ipip' }
  const { vni, port, parent, local } = vxlan
  return { kind: 'vxlan', vni, port, parent, local, finds: false }
}

export function sameBase(a: TunnelBase, b: TunnelBase): boolean {
  return (
    a.kind === b.kind &&
    a.vni === b.vni &&
    a.port === b.port &&
    a.parent === b.parent &&
    a.local === b.local &&
    a.finds === b.finds
  )
}

/** Words after `ip link add`. */
export function creationWords({ name, mtuBytes, vxlan }: TunnelDevice): string[] {
  if (vxlan === undefined) return [name, 'type', 'ipip'] // makes the kernel load its module, and with it comes the device
  return [name, 'address', vxlan.mac, 'mtu', String(mtuBytes), ...vxlanWords(vxlan)]
}

const vxlanWords = ({ vni, port, parent, local }: VxlanParameters): string[] => [
  'type',
  'vxlan',
  'id',
  String(vni),
  'dev',
  parent,
  'local',
  local,
  'dstport',
  String(port),
  'nolearning',
]

/** Kernels up to 5.7 send wrong checksums of inner packets when a network card is to compute them. @param release `uname -r` */
export function breaksChecksums(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.', 2).map((part) => Number.parseInt(part, 10))
  return major < 5 || (major === 5 && minor <= 7)
}
