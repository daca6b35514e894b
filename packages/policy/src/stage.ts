/** Evaluates the policy of one endpoint in one direction: tiers in order, then profiles, then the default. */
import type { RuleSpec } from '@calico-node/model'
import { mismatch } from './match.ts'
import type { Packet } from './packet.ts'
import type { Decision, Stage, Step } from './verdict.ts'
import type { Endpoint, Policy, World } from './world.ts'

export type Direction = 'ingress' | 'egress'
type StageKind = Stage['kind']

export interface StageRequest {
  readonly world: World
  readonly endpoint: Endpoint
  readonly direction: Direction
  readonly kind: StageKind
  readonly packet: Packet
}

/** Which policies belong to a stage, and what happens when none of them decides. */
const RULES_OF: Readonly<
  Record<
    StageKind,
    { readonly has: (policy: Policy) => boolean; readonly endsInDeny: boolean; readonly profiles: boolean }
  >
> = {
  workload: { has: (policy) => policy.mode === 'normal', endsInDeny: true, profiles: true },
  host: { has: (policy) => policy.mode === 'normal', endsInDeny: true, profiles: true },
  'host-forward': {
    has: (policy) => policy.mode === 'normal' && policy.applyOnForward,
    endsInDeny: true,
    profiles: false,
  },
  'host-untracked': { has: (policy) => policy.mode === 'untracked', endsInDeny: false, profiles: false },
  'host-pre-dnat': { has: (policy) => policy.mode === 'pre-dnat', endsInDeny: false, profiles: false },
}

/** Policies of a stage that select the endpoint in the direction, by tier; tiers without any are left out. */
export function applyingTiers({ world, endpoint, direction, kind }: Omit<StageRequest, 'packet'>) {
  return world.tiers
    .map((tier) => ({
      ...tier,
      policies: tier.policies.filter(
        (policy) =>
          RULES_OF[kind].has(policy) && policy[direction] !== undefined && policy.selector.matches(endpoint.labels),
      ),
    }))
    .filter((tier) => tier.policies.length > 0)
}

export function evaluateStage(request: StageRequest): Stage {
  const { endpoint, direction, kind } = request
  const steps: Step[] = []
  const { action, decision } = decide(request, steps)
  return { endpoint: endpoint.name, direction, kind, action, decision, steps }
}

type Outcome = Pick<Stage, 'action' | 'decision'>
const end = (action: Stage['action'], decision: Decision): Outcome => ({ action, decision })

function decide(request: StageRequest, steps: Step[]): Outcome {
  const { world, endpoint, direction, kind } = request
  const { endsInDeny, profiles } = RULES_OF[kind]
  tiers: for (const tier of applyingTiers(request)) {
    for (const policy of tier.policies) {
      const label = policy.namespace === undefined ? policy.name : `${policy.namespace}/${policy.name}`
      const where = `policy ${label} in tier ${tier.name}`
      const hit = firstDeciding(request, policy[direction] ?? [], { where, namespace: policy.namespace }, steps)
      if (hit === undefined) continue
      if (hit.action === 'Pass') continue tiers
      const { namespace } = policy
      return end(hit.action === 'Allow' ? 'allow' : 'deny', {
        kind: 'policy',
        tier: tier.name,
        policy: policy.name,
        rule: hit.rule,
        ...(namespace === undefined ? {} : { namespace }),
      })
    }
    if (tier.defaultAction === 'Deny' && endsInDeny) {
      steps.push({ where: `end of tier ${tier.name}`, outcome: 'deny' })
      return end('deny', { kind: 'end-of-tier', tier: tier.name })
    }
    steps.push({ where: `end of tier ${tier.name}`, outcome: 'pass' })
  }
  for (const name of profiles ? endpoint.profiles : []) {
    const profile = world.profiles.get(name)
    if (profile === undefined) {
      steps.push({ where: `profile ${name}`, outcome: 'deny', note: 'it does not exist' })
      return end('deny', { kind: 'missing-profile', profile: name })
    }
    const hit = firstDeciding(
      request,
      profile[direction] ?? [],
      { where: `profile ${name}`, namespace: undefined },
      steps,
    )
    if (hit === undefined || hit.action === 'Pass') continue
    return end(hit.action === 'Allow' ? 'allow' : 'deny', { kind: 'profile', profile: name, rule: hit.rule })
  }
  if (!endsInDeny) return end('continue', { kind: 'unrestricted', why: 'no policy of this kind matched' })
  steps.push({ where: 'end of policies and profiles', outcome: 'deny' })
  return end('deny', { kind: 'no-profile-matched' })
}

interface Hit {
  readonly action: 'Allow' | 'Deny' | 'Pass'
  readonly rule: number
}

function firstDeciding(
  { world, packet }: StageRequest,
  rules: readonly RuleSpec[],
  { where, namespace }: { readonly where: string; readonly namespace: string | undefined },
  steps: Step[],
): Hit | undefined {
  for (const [rule, spec] of rules.entries()) {
    const note = mismatch(world, spec, packet, namespace)
    if (note !== undefined) {
      steps.push({ where, rule, outcome: 'no-match', note })
      continue
    }
    const outcome = { Allow: 'allow', Deny: 'deny', Pass: 'pass', Log: 'log' } as const
    steps.push({ where, rule, outcome: outcome[spec.action] })
    if (spec.action !== 'Log') return { action: spec.action, rule }
  }
  if (rules.length === 0) steps.push({ where, outcome: 'no-match', note: 'it has no rules' })
  return undefined
}
