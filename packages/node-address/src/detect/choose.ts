/**
 * Which of this host's addresses other nodes should use to reach it. Pure: the same facts give the same choice.
 *
 * A wrong address here breaks a node in ways that are hard to see, so the choice carries its reason and the
 * candidates it passed over, and says when another answer would have been as good. It never refuses for being unsure.
 */
import { assertNever, CalicoError } from '@calico-node/core'
import { cidrContains, type Ip } from '@calico-node/model'
import { type Candidate, isForeignInterface, rankCandidates } from './candidates.ts'
import type { HostFacts } from './facts.ts'
import type { DetectionMethod } from './method.ts'

export interface Choice {
  readonly chosen: Candidate
  /** Completes "chosen because it is ...". */
  readonly reason: string
  readonly candidates: readonly Candidate[]
  /** Others that the same rule would have allowed, on another interface or subnet. */
  readonly rivals: readonly Candidate[]
}

interface Pick {
  readonly chosen: Candidate
  readonly reason: string
  readonly rivals?: readonly Candidate[]
}

const usable = (candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter((candidate) => candidate.skipped === undefined)

const firstOf = (candidates: readonly Candidate[], reason: string): Pick | undefined => {
  const [chosen, ...others] = usable(candidates)
  if (chosen === undefined) return undefined
  const rivals = others.filter(
    (other) => other.interface !== chosen.interface || !cidrContains(chosen.address.cidr, other.address.ip),
  )
  return { chosen, reason, rivals }
}

const withAddress = (candidates: readonly Candidate[], ip: Ip | undefined): Candidate | undefined =>
  usable(candidates).find((candidate) => candidate.address.ip === ip)

function towardsProbe(facts: HostFacts, candidates: readonly Candidate[], what: string): Pick | undefined {
  for (const { target, source } of facts.probes) {
    const chosen = withAddress(candidates, source)
    if (chosen !== undefined) return { chosen, reason: `the source address towards ${what}${target}` }
  }
  return undefined
}

function onDefaultRoute(facts: HostFacts, candidates: readonly Candidate[]): Pick | undefined {
  const best = Math.min(...facts.defaultRoutes.map((route) => route.metric))
  const routes = facts.defaultRoutes.filter((route) => route.metric === best)
  for (const route of routes) {
    const chosen = withAddress(candidates, route.source)
    if (chosen !== undefined)
      return { chosen, reason: `the source address of the default route over ${route.interface}` }
  }
  const interfaces = routes.map((route) => route.interface)
  const there = candidates.filter((candidate) => interfaces.includes(candidate.interface))
  return firstOf(there, `on ${interfaces.join(' or ')}, where the default route points`)
}

function pick(method: DetectionMethod, facts: HostFacts, candidates: readonly Candidate[]): Pick | undefined {
  switch (method.kind) {
    case 'auto':
      return (
        towardsProbe(facts, candidates, 'etcd at ') ??
        onDefaultRoute(facts, candidates) ??
        firstOf(candidates, 'the first usable address found')
      )
    case 'can-reach':
      return towardsProbe(facts, candidates, '')
    case 'first-found':
    case 'skip-interface':
      return firstOf(candidates, 'the first usable address found')
    case 'interface':
      return firstOf(candidates, 'the first usable address of the interfaces asked for')
    case 'cidr':
      return firstOf(candidates, 'the first address inside the networks asked for')
    default:
      return assertNever(method)
  }
}

const foreign = (name: string): string | undefined =>
  isForeignInterface(name) ? 'interface of a container engine, of virtual machines or of Calico' : undefined

function candidatesFor(method: DetectionMethod, { addresses }: HostFacts): Candidate[] {
  switch (method.kind) {
    case 'auto':
    case 'first-found':
      return rankCandidates(addresses, foreign)
    case 'can-reach':
      return rankCandidates(addresses, () => undefined)
    case 'interface':
      return rankCandidates(addresses, (name) =>
        method.patterns.some((pattern) => pattern.test(name)) ? undefined : 'interface not asked for',
      )
    case 'skip-interface':
      return rankCandidates(addresses, (name) =>
        method.patterns.some((pattern) => pattern.test(name)) ? 'interface to be skipped' : foreign(name),
      )
    case 'cidr':
      return rankCandidates(addresses, () => undefined).map((candidate) =>
        method.cidrs.some((cidr) => cidrContains(cidr, candidate.address.ip))
          ? candidate
          : { ...candidate, skipped: candidate.skipped ?? 'outside the networks asked for' },
      )
    default:
      return assertNever(method)
  }
}

export const candidateText = ({ interface: name, address, skipped }: Candidate): string =>
  `${address.text} on ${name}${skipped === undefined ? '' : ` (${skipped})`}`

/**
 * Chooses the node's address of one family.
 *
 * @returns The choice, or undefined when the host has no address that fits; `candidates` tells why in either case.
 */
export function chooseAddress(
  method: DetectionMethod,
  facts: HostFacts,
): Choice | { readonly chosen: undefined; readonly candidates: readonly Candidate[] } {
  const candidates = candidatesFor(method, facts)
  const found = pick(method, facts, candidates)
  if (found === undefined) return { chosen: undefined, candidates }
  return { chosen: found.chosen, reason: found.reason, candidates, rivals: found.rivals ?? [] }
}

/** The error for a host on which nothing fits. */
export function noAddressError(version: 4 | 6, candidates: readonly Candidate[]): CalicoError {
  const list = candidates.map(candidateText).join(', ') || 'none'
  const variable = version === 4 ? 'IP' : 'IP6'
  return new CalicoError(
    'NOT_FOUND',
    `Cannot detect an IPv${version} address for this node: no address fits (${list}); ` +
      `set ${variable} to an address, or ${variable}_AUTODETECTION_METHOD to interface=NAME`,
    { context: { candidates: candidates.map(candidateText) } },
  )
}
