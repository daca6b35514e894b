/**
 * Rules about tunnelled packets, in chains of their own that the static tables jump to: empty while there is no tunnel.
 *
 * ```
 * raw     cali-tunnel-raw    VXLAN is not tracked: each packet has a source port of its own
 * filter  cali-tunnel-in     to this host: only from nodes of the cluster, and from hosts that the configuration names
 *         cali-tunnel-out    from this host: to the same, whatever policy of host endpoints says
 * nat     cali-tunnel-snat   what this host sends through a tunnel carries the tunnel's address, or no answer comes back by it
 * ```
 */
import {
  type Chain,
  type IpSet,
  type IpVersion,
  type Match,
  type Rule,
  type Table,
  TUNNEL_DEVICES,
} from '@calico-node/linux'
import type { LocalTunnel, TunnelKind } from '../calc/messages.ts'
import { CHAIN, ipSetName } from './names.ts'
import type { RuleSettings } from './settings.ts'
import { DROP, IP_PROTOCOL, not, outInterface, protocol, rule, setMark } from './vocabulary.ts'

/** The tunnels of one IP version, and who is at their other ends. */
export interface TunnelFacts {
  readonly tunnels: readonly LocalTunnel[]
  /** Members of a hash:net set: every node, and those that have an end of a VXLAN tunnel. */
  readonly hosts: ReadonlySet<string>
  readonly vxlanHosts: ReadonlySet<string>
}

export interface TunnelRules {
  readonly sets: readonly IpSet[]
  /** Names of sets that no rule needs. */
  readonly unusedSets: readonly string[]
  readonly chains: readonly { readonly table: Table; readonly chain: Chain }[]
}

interface Context {
  readonly version: IpVersion
  readonly settings: RuleSettings
  readonly maxElements: number
}

const localSide = (side: 'source' | 'destination'): Match => ({ kind: 'address-type', side, type: 'LOCAL' })

export function tunnelRules(
  { tunnels, hosts, vxlanHosts }: TunnelFacts,
  { version, settings, maxElements }: Context,
): TunnelRules {
  const has = (kind: TunnelKind): boolean => tunnels.some((tunnel) => tunnel.kind === kind)
  const uses = [
    {
      set: ipSetName(version, 'all-hosts-net'),
      members: hosts,
      traffic: has('ipip') ? [protocol(IP_PROTOCOL.ipip)] : undefined,
    },
    {
      set: ipSetName(version, 'all-vxlan-net'),
      members: vxlanHosts,
      traffic: has('vxlan') || has('vxlan-v6') ? vxlanPackets(settings) : undefined,
    },
  ]
  const active = uses.flatMap(({ traffic, ...use }) => (traffic === undefined ? [] : [{ ...use, traffic }]))
  const vxlan = has('vxlan') || has('vxlan-v6') ? [rule(vxlanPackets(settings), { kind: 'notrack' })] : []
  return {
    sets: active.map(({ set, members }) => ({ name: set, type: 'hash:net', ipVersion: version, members, maxElements })),
    unusedSets: uses.filter(({ traffic }) => traffic === undefined).map(({ set }) => set),
    chains: [
      { table: 'raw', chain: { name: CHAIN.tunnelUntracked, rules: vxlan } },
      { table: 'filter', chain: { name: CHAIN.tunnelIn, rules: active.flatMap((use) => inRules(use, settings)) } },
      { table: 'filter', chain: { name: CHAIN.tunnelOut, rules: active.flatMap((use) => outRules(use, settings)) } },
      { table: 'nat', chain: { name: CHAIN.tunnelSource, rules: tunnels.flatMap(sourceRules) } },
    ],
  }
}

const vxlanPackets = ({ vxlanPort }: RuleSettings): Match[] => [
  protocol(IP_PROTOCOL.udp),
  { kind: 'ports', side: 'destination', ports: [{ first: vxlanPort, last: vxlanPort }] },
]

interface Use {
  readonly set: string
  readonly traffic: readonly Match[]
}

const inRules = ({ set, traffic }: Use, { marks }: RuleSettings): Rule[] => [
  rule([...traffic, { kind: 'set', side: 'source', set }, localSide('destination')], setMark(marks.accept)),
  rule(
    [...traffic, not({ kind: 'set', side: 'source', set }), localSide('destination')],
    DROP,
    'Tunnelled by a host that is no node',
  ),
]

const outRules = ({ set, traffic }: Use, { marks }: RuleSettings): Rule[] => [
  rule([...traffic, localSide('source'), { kind: 'set', side: 'destination', set }], setMark(marks.accept)),
]

function sourceRules({ kind, address }: LocalTunnel): Rule[] {
  if (address === undefined) return []
  const device = TUNNEL_DEVICES[kind]
  const onDevice: Match = {
    kind: 'address-type',
    side: 'source',
    type: 'LOCAL',
    limitToOutInterface: true,
    negate: true,
  }
  return [rule([outInterface(device), onDevice, localSide('source')], { kind: 'masquerade', randomFully: true })]
}
