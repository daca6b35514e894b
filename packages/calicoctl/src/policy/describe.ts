/** A verdict in words. Pure. */
import { assertNever } from '@calico-node/core'
import type { Decision, Stage } from '@calico-node/policy'
import type { FlowVerdict } from './connection.ts'

const policyText = (policy: string, namespace: string | undefined): string =>
  namespace === undefined ? `GlobalNetworkPolicy "${policy}"` : `NetworkPolicy "${policy}" in namespace "${namespace}"`

/** Completes "allowed by ..." or "denied by ...". @param shown Name of a profile for people. */
export function decisionText(decision: Decision, shown: (profile: string) => string): string {
  switch (decision.kind) {
    case 'policy':
      return `${policyText(decision.policy, decision.namespace)} of tier "${decision.tier}", rule ${decision.rule + 1}`
    case 'profile':
      return `profile "${shown(decision.profile)}", rule ${decision.rule + 1}`
    case 'end-of-tier':
      return `the end of tier "${decision.tier}": its policies apply here and none of them decided`
    case 'no-profile-matched':
      return 'default: no policy decided and no rule of a profile matched'
    case 'missing-profile':
      return `profile "${decision.profile}", which does not exist`
    case 'failsafe':
      return `failsafe port ${decision.protocol} ${decision.port}`
    case 'encapsulated':
      return 'the rule that workloads send no VXLAN and no IP-in-IP packets'
    case 'spoofed-source':
      return 'the rule that a workload sends from its own addresses only'
    case 'unknown-interface':
      return 'the rule that an interface of a workload without an endpoint is closed'
    case 'neighbour-discovery':
      return 'the rule that neighbours may always find each other'
    case 'endpoint-to-host-action':
      return `defaultEndpointToHostAction ${decision.action}`
    case 'unrestricted':
      return decision.why
    default:
      return assertNever(decision)
  }
}

const KINDS: Readonly<Record<Stage['kind'], string>> = {
  workload: 'workload',
  host: 'host endpoint',
  'host-forward': 'host endpoint (forwarded)',
  'host-untracked': 'host endpoint (untracked)',
  'host-pre-dnat': 'host endpoint (before DNAT)',
}

const OUTCOMES: Readonly<Record<Stage['action'], string>> = {
  allow: 'allowed by',
  deny: 'denied by',
  continue: 'goes on:',
}

/** One line per stage, and one per step when `steps` is set. */
export function stageLines(
  { endpoint, direction, kind, action, decision, steps: all }: Stage,
  shown: (profile: string) => string,
  steps: boolean,
): string[] {
  const head = `  ${direction === 'egress' ? 'out of' : 'into'} ${KINDS[kind]} ${endpoint}: ${OUTCOMES[action]} ${decisionText(decision, shown)}`
  const details = all.map(
    ({ where, rule, outcome, note }) =>
      `    ${where}${rule === undefined ? '' : ` rule ${rule + 1}`}: ${outcome}${note === undefined ? '' : ` (${note})`}`,
  )
  return steps ? [head, ...details] : [head]
}

export interface VerdictWords {
  /** Name of a profile for people. */
  readonly shown: (profile: string) => string
  /** Every rule that was looked at. */
  readonly steps: boolean
  /** What else there is to say about a stage. */
  readonly more?: (node: string, stage: Stage) => readonly string[]
}

export function verdictLines(verdict: FlowVerdict, { shown, steps, more = () => [] }: VerdictWords): string[] {
  const hosts = verdict.hosts.flatMap(({ node, stages }) => [
    `On ${node}:`,
    ...(stages.length === 0
      ? ['  nothing restricts this']
      : stages.flatMap((stage) => [...stageLines(stage, shown, steps), ...more(node, stage)])),
  ])
  if (verdict.hosts.length === 0) return ['No node of Calico is on this way.', 'Verdict: ALLOW']
  return [...hosts, `Verdict: ${verdict.action.toUpperCase()}`]
}
