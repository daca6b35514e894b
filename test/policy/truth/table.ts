/** How the truth tables are written down: who sends what to whom, and whether it arrives. */
import { type Ip, parseIp, type Resource, resourceKey } from '@calico-node/model'
import type { Packet } from '@calico-node/policy'
import { HOST, type HostSetting } from '../questions.ts'
import { addressesOf, interfaceOf } from '../kernel/scene.ts'
import { type Addresses, HOST_IPS, type Shot, UPLINK } from '../kernel/wires.ts'

/** Workloads of every table; what they are is up to its resources. */
export const WORKLOADS = ['a', 'b', 'c', 'd'] as const
/** An interface that no endpoint names. */
export const STRANGER = 'calix'
export type Spot = (typeof WORKLOADS)[number] | 'host' | 'outside' | 'stranger'

export interface Probe {
  /** Default 4. */
  readonly version?: 4 | 6
  /** Default TCP; `icmp` is that of the version. */
  readonly protocol?: 'tcp' | 'udp' | 'sctp' | 'icmp' | number
  readonly port?: number
  readonly sourcePort?: number
  readonly icmp?: { readonly type: number; readonly code: number }
  /** Instead of the own address, and of the address of the other end. */
  readonly source?: string
  readonly destination?: string
}

export type Row = readonly [from: Spot, to: Spot, probe: Probe, result: 'allow' | 'deny', why?: string]

export interface Table {
  readonly title: string
  readonly resources: readonly Resource[]
  readonly rows: readonly Row[]
  /** Parameter of Felix; default Drop. */
  readonly endpointToHostAction?: NonNullable<HostSetting['endpointToHostAction']>
}

/** Of resources with one key, the last. */
export const latest = (...resources: readonly Resource[]): Resource[] => [
  ...new Map(
    resources.map((each) => [resourceKey(each.kind, each.metadata.name, each.metadata.namespace), each]),
  ).values(),
]

const OUTSIDE: Addresses = [parseIp('203.0.113.9'), parseIp('2001:db8::9')]
/** Routed to the stranger's interface by somebody else. */
export const STRANGER_IPS: Addresses = [parseIp('10.65.0.99'), parseIp('fd00:65::99')]
const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const
const ECHO = { 4: { type: 8, code: 0 }, 6: { type: 128, code: 0 } } as const

/** Ports default to 40000 and 80; without a protocol it is TCP. */
export function shotOf([from, to, probe]: Row): Shot {
  const { version = 4, protocol = 'tcp', port = 80, sourcePort = 40_000, icmp = ECHO[version] } = probe
  const ipOf = (spot: Spot): Ip => {
    const both =
      spot === 'host' ? HOST_IPS : spot === 'outside' ? OUTSIDE : spot === 'stranger' ? STRANGER_IPS : addressesOf(spot)
    return both[version === 4 ? 0 : 1]
  }
  const number =
    protocol === 'icmp' ? (version === 4 ? 1 : 58) : typeof protocol === 'number' ? protocol : NUMBERS[protocol]
  const packet: Packet = {
    source: probe.source === undefined ? ipOf(from) : parseIp(probe.source),
    destination: probe.destination === undefined ? ipOf(to) : parseIp(probe.destination),
    protocol: number,
    ...(number === 1 || number === 58 ? { icmp } : {}),
    ...([6, 17, 132, 136].includes(number) ? { sourcePort, destinationPort: port } : {}),
  }
  return { packet, from: placeOf(from), to: placeOf(to) }
}

const placeOf = (spot: Spot): string =>
  spot === 'host' ? HOST : spot === 'outside' ? UPLINK : spot === 'stranger' ? STRANGER : interfaceOf(spot)

export const describeRow = ([from, to, probe, result, why]: Row): string =>
  `${from} -> ${to} ${JSON.stringify(probe)} ${result}${why === undefined ? '' : ` (${why})`}`
