/**
 * What no host endpoint can close: the ports of the configuration, and in IPv6 the messages without which no neighbour is
 * found and hence no port reached. Accepted in place, without a mark, so that only the table at hand is passed.
 *
 * Untracked policy does not know connections. In its table replies count as well: what comes from, or goes to, a port that
 * is open in the other direction. They are tracked, so a later table still tells a reply from somebody who poses as one.
 */
import type { Chain, IpVersion, Rule, Side, Table } from '@calico-node/linux'
import { ipVersion } from '@calico-node/model'
import type { FailsafePort } from '../config/param-types.ts'
import { CHAIN } from './names.ts'
import type { RuleSettings } from './settings.ts'
import { ACCEPT, IP_PROTOCOL, protocol, rule } from './vocabulary.ts'

/** Of MLD: query, report, done. Router solicitation; neighbour solicitation and advertisement: IPv6 is dead without them. */
export const NEIGHBOUR_DISCOVERY = [130, 131, 132, 133, 135, 136]
/** A host also takes router advertisements, and sends MLD reports of version 2. */
const HOST_NEIGHBOUR_DISCOVERY = [...NEIGHBOUR_DISCOVERY, 134, 143]

/** Both chains of one table. */
export function failsafeChains(
  { failsafes: { inbound, outbound } }: Pick<RuleSettings, 'failsafes'>,
  table: Table,
  version: IpVersion,
): Chain[] {
  const discovery =
    version === 4
      ? []
      : HOST_NEIGHBOUR_DISCOVERY.map((type) => rule([protocol(IP_PROTOCOL.icmpv6), { kind: 'icmp', type }], ACCEPT))
  const open = (ports: readonly FailsafePort[], remote: Side, portSide: Side): Rule[] =>
    ports
      .filter(({ net }) => net === undefined || ipVersion(net) === version)
      .map((port) => portRule(port, remote, portSide))
  const replies = (ports: readonly FailsafePort[], remote: Side): Rule[] =>
    table === 'raw' ? open(ports, remote, 'source') : []
  return [
    {
      name: CHAIN.failsafeIn,
      rules: [...discovery, ...open(inbound, 'source', 'destination'), ...replies(outbound, 'source')],
    },
    {
      name: CHAIN.failsafeOut,
      rules: [...discovery, ...open(outbound, 'destination', 'destination'), ...replies(inbound, 'destination')],
    },
  ]
}

function portRule({ protocol: name, port, net }: FailsafePort, remote: Side, portSide: Side): Rule {
  const ports = [{ first: port, last: port }]
  return rule(
    [
      protocol(IP_PROTOCOL[name]),
      ...(net === undefined ? [] : [{ kind: 'net', side: remote, cidr: net } as const]),
      { kind: 'ports', side: portSide, ports },
    ],
    ACCEPT,
  )
}
