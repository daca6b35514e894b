/**
 * Rules as the words of iptables-restore, for both variants and both IP versions. Pure.
 *
 * Names, addresses and numbers come in as parsed values; the only free text is that of comments and log prefixes, which is
 * cut down to characters that need no quoting inside double quotes.
 */
import { assertNever, CalicoError } from '@calico-node/core'
import type { Ip } from '@calico-node/model'
import type { Action, IpVersion, Match, PortRange, Rule, Side } from './types.ts'

/** The kernel keeps 256 bytes, of which one ends the text. */
const MAX_COMMENT = 255
const MAX_LOG_PREFIX = 29
/** `notice`, whichever way it is spelt. */
const LOG_LEVEL = '5'
const PROTOCOL_ICMP = 1
const PROTOCOL_ICMPV6 = 58

/**
 * Everything of a rule that comes after `-A chain`: comments, matches, action.
 *
 * @throws UNSUPPORTED for a negated rate limit.
 */
export function renderRule(rule: Rule, ipVersion: IpVersion): string {
  const comments = (rule.comments ?? []).map((text) => `-m comment --comment "${safeText(text, MAX_COMMENT)}"`)
  const matches = withProtocol(rule.match, ipVersion).map((match) => renderMatch(match, ipVersion))
  return [...comments, ...matches, renderAction(rule.action)].join(' ')
}

export const safeText = (text: string, max: number): string =>
  text.replaceAll(/[^A-Za-z0-9_ @%+=:,./-]/g, '_').slice(0, max)

/** (mark AND 0) is never 1. */
const NEVER: Match = { kind: 'mark', value: 1, mask: 0 }

/**
 * What iptables wants of `-p`: there is one at most, it comes first, and ICMP matches need it. Beside a wanted protocol, a
 * negated one says nothing, unless it is the same: then the rule never holds, and nothing else of it is rendered.
 */
function withProtocol(matches: readonly Match[], ipVersion: IpVersion): readonly Match[] {
  const protocols = matches.filter((match) => match.kind === 'protocol')
  const others = matches.filter((match) => match.kind !== 'protocol')
  const icmp = ipVersion === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6
  const wanted = [
    ...protocols.filter(({ negate }) => negate !== true).map(({ protocol }) => protocol),
    ...(others.some(({ kind }) => kind === 'icmp') ? [icmp] : []),
  ]
  const [first] = wanted
  if (first === undefined) return [...protocols, ...others]
  const contradicted =
    wanted.some((protocol) => protocol !== first) ||
    protocols.some(({ negate, protocol }) => negate === true && protocol === first)
  return contradicted ? [NEVER] : [{ kind: 'protocol', protocol: first }, ...others]
}

function renderMatch(match: Match, ipVersion: IpVersion): string {
  const not = match.negate === true ? '! ' : ''
  switch (match.kind) {
    case 'protocol':
      return `${not}-p ${match.protocol}`
    case 'net':
      return `${not}${match.side === 'source' ? '-s' : '-d'} ${match.cidr}`
    case 'set': {
      const side = match.side === 'source' ? 'src' : 'dst'
      return `-m set ${not}--match-set ${match.set} ${match.withPort === true ? `${side},${side}` : side}`
    }
    case 'ports':
      return `-m multiport ${not}--${match.side}-ports ${match.ports.map(portText).join(',')}`
    case 'icmp': {
      const type = match.code === undefined ? `${match.type}` : `${match.type}/${match.code}`
      return ipVersion === 4 ? `-m icmp ${not}--icmp-type ${type}` : `-m icmp6 ${not}--icmpv6-type ${type}`
    }
    case 'in-interface':
      return `${not}-i ${match.name}`
    case 'out-interface':
      return `${not}-o ${match.name}`
    case 'mark':
      return `-m mark ${not}--mark ${hex(match.value)}/${hex(match.mask)}`
    case 'conntrack':
      return `-m conntrack ${not}--ctstate ${match.states.join(',')}`
    case 'address-type':
      return `-m addrtype ${not}--${shortSide(match.side)}-type ${match.type}${match.limitToOutInterface === true ? ' --limit-iface-out' : ''}`
    case 'reverse-path-fails':
      return `-m rpfilter --validmark${match.negate === true ? '' : ' --invert'}`
    case 'limit':
      if (match.negate === true)
        throw new CalicoError('UNSUPPORTED', 'Cannot negate a rate limit: iptables has no such match')
      return `-m limit --limit ${match.rate} --limit-burst ${match.burst}`
    default:
      return assertNever(match)
  }
}

function renderAction(action: Action): string {
  switch (action.kind) {
    case 'accept':
      return '-j ACCEPT'
    case 'drop':
      return '-j DROP'
    case 'return':
      return '-j RETURN'
    case 'notrack':
      return '-j CT --notrack'
    case 'reject':
      return action.with === undefined ? '-j REJECT' : `-j REJECT --reject-with ${action.with}`
    case 'jump':
      return `-j ${action.chain}`
    case 'goto':
      return `-g ${action.chain}`
    case 'set-mark':
      return `-j MARK --set-xmark ${hex(action.value)}/${hex(action.mask)}`
    case 'log':
      return `-j LOG --log-prefix "${safeText(action.prefix, MAX_LOG_PREFIX)}" --log-level ${LOG_LEVEL}`
    case 'masquerade':
      return `-j MASQUERADE${toPorts(action.ports)}${randomFully(action.randomFully)}`
    case 'snat': {
      const ports = action.ports === undefined ? '' : `:${action.ports.first}-${action.ports.last}`
      return `-j SNAT --to-source ${withPort(action.to, ports)}${randomFully(action.randomFully)}`
    }
    case 'dnat':
      return `-j DNAT --to-destination ${withPort(action.to, action.port === undefined ? '' : `:${action.port}`)}`
    default:
      return assertNever(action)
  }
}

const shortSide = (side: Side): string => (side === 'source' ? 'src' : 'dst')
const portText = ({ first, last }: PortRange): string => (first === last ? `${first}` : `${first}:${last}`)
const hex = (value: number): string => `0x${value.toString(16)}`
const toPorts = (ports: PortRange | undefined): string =>
  ports === undefined ? '' : ` --to-ports ${ports.first}-${ports.last}`
const randomFully = (wanted: boolean | undefined): string => (wanted === true ? ' --random-fully' : '')
/** An IPv6 address stands in brackets when a port follows. */
const withPort = (ip: Ip, port: string): string => (port !== '' && ip.includes(':') ? `[${ip}]${port}` : `${ip}${port}`)
