/** Masquerading of what leaves the IP pools that ask for it, and floating addresses. */
import type { Chain, IpSet, IpVersion, Match, Rule } from '@calico-node/linux'
import { type Cidr, compareIps, hostCidr, ipVersion } from '@calico-node/model'
import type { FloatingIp } from '../calc/messages.ts'
import { CHAIN, ipSetName } from './names.ts'
import type { RuleSettings } from './settings.ts'
import { IP_PROTOCOL, not, outInterface, protocol, RETURN, rule } from './vocabulary.ts'

export interface MasqueradePool {
  readonly cidr: Cidr
  readonly natOutgoing: boolean
}

export interface Masquerade {
  /** Every pool, and those that want masquerading. */
  readonly sets: readonly IpSet[]
  readonly chain: Chain
}

/** Traffic from a natOutgoing pool to anything outside all pools leaves with an address of this host. */
export function masquerade(
  pools: readonly MasqueradePool[],
  { version, settings, maxElements }: { version: IpVersion; settings: RuleSettings; maxElements: number },
): Masquerade {
  const mine = pools.filter(({ cidr }) => ipVersion(cidr) === version)
  const wanted = mine.filter(({ natOutgoing }) => natOutgoing)
  const set = (name: string, of: readonly MasqueradePool[]): IpSet => ({
    name,
    type: 'hash:net',
    ipVersion: version,
    members: new Set(of.map(({ cidr }) => cidr)),
    maxElements,
  })
  const all = ipSetName(version, 'all-ipam-pools')
  const leaving = ipSetName(version, 'masq-ipam-pools')
  const rules = wanted.length === 0 ? [] : natOutgoingRules({ all, leaving, version, nat: settings.nat })
  return { sets: [set(all, mine), set(leaving, wanted)], chain: { name: CHAIN.natOutgoing, rules } }
}

/**
 * What arrives for a floating address goes to the workload behind it; a workload that reaches itself that way must see
 * another sender than itself. Of two workloads with one floating address the lower internal address has it.
 */
export function floatingIpChains(pairs: readonly FloatingIp[], version: IpVersion): Chain[] {
  const lowestFirst = pairs
    .filter(({ external }) => ipVersion(external) === version)
    .toSorted((a, b) => compareIps(a.external, b.external) || compareIps(a.internal, b.internal))
  const byExternal = new Map(lowestFirst.toReversed().map((pair) => [pair.external, pair]))
  const owners = lowestFirst.filter((pair) => byExternal.get(pair.external) === pair)
  const byInternal = new Map(owners.toReversed().map((pair) => [pair.internal, pair]))
  const hairpins = owners.filter((pair) => byInternal.get(pair.internal) === pair)
  const net = (side: 'source' | 'destination', ip: FloatingIp['external']): Match => ({
    kind: 'net',
    side,
    cidr: hostCidr(ip),
  })
  return [
    {
      name: CHAIN.floatingDnat,
      rules: owners.map(({ external, internal }) =>
        rule([net('destination', external)], { kind: 'dnat', to: internal }),
      ),
    },
    {
      name: CHAIN.floatingSnat,
      rules: hairpins.map(({ external, internal }) =>
        rule([net('source', internal), net('destination', internal)], { kind: 'snat', to: external }),
      ),
    },
  ]
}

interface NatOutgoing {
  readonly all: string
  readonly leaving: string
  readonly version: IpVersion
  readonly nat: RuleSettings['nat']
}

function natOutgoingRules({ all, leaving, version, nat }: NatOutgoing): Rule[] {
  const { ports, source } = nat
  const base: Match[] = [
    { kind: 'set', side: 'source', set: leaving },
    not({ kind: 'set', side: 'destination', set: all }),
    ...(nat.outInterface === undefined ? [] : [outInterface(nat.outInterface)]),
  ]
  const rewrite = (range?: typeof ports): Rule['action'] => {
    const how = { randomFully: true, ...(range && { ports: range }) }
    return source && ipVersion(source) === version
      ? { kind: 'snat', to: source, ...how }
      : { kind: 'masquerade', ...how }
  }
  if (ports === undefined) return [rule(base, rewrite())]
  const within = [IP_PROTOCOL.tcp, IP_PROTOCOL.udp].flatMap((number) => [
    rule([protocol(number), ...base], rewrite(ports)),
    rule([protocol(number), ...base], RETURN),
  ])
  return [...within, rule(base, rewrite())]
}
