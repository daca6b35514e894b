/**
 * Which kernel rules a decision is made by, and how often they have matched. Pure.
 *
 * Chains are found by their names, which the owner of the rule makes from the policy and the interface; those of workloads, which
 * may share them, by the rule that leads the interface there. A rule of a policy may be several in the kernel, or none where it
 * cannot match in this version of IP; only when there are as many verdicts in the chain as rules in the policy is it certain
 * which belongs to which.
 */
import { chainName, type CountedChain, type CountedRule, type Table } from '@calico-node/linux'
import type { Endpoint, Stage, World } from '@calico-node/policy'

export interface CountedHit {
  readonly rule: CountedRule
  /** This is the very rule that decides. */
  readonly decides: boolean
}
/** A chain on the way of the decision. */
export interface CountedPlace {
  readonly chain: CountedChain
  readonly hits: readonly CountedHit[]
}

type HostStage = Exclude<Stage['kind'], 'workload'>
const HOST_CHAINS: Readonly<Record<HostStage, Readonly<Record<Stage['direction'], string>>>> = {
  host: { ingress: 'cali-fh-', egress: 'cali-th-' },
  'host-forward': { ingress: 'cali-fhfw-', egress: 'cali-thfw-' },
  'host-untracked': { ingress: 'cali-fh-', egress: 'cali-th-' },
  'host-pre-dnat': { ingress: 'cali-fh-', egress: 'cali-th-' },
}
const TABLES: Readonly<Record<Stage['kind'], Table>> = {
  workload: 'filter',
  host: 'filter',
  'host-forward': 'filter',
  'host-untracked': 'raw',
  'host-pre-dnat': 'mangle',
}
/** Stands for an interface in the chains of a host endpoint of all interfaces. */
const ANY_INTERFACE = 'any-interface-at-all'

/** What leads to the chains of workloads, and how it tells their interfaces. */
const WORKLOAD_DISPATCH = {
  ingress: { root: 'cali-to-wl-dispatch', option: '-o' },
  egress: { root: 'cali-from-wl-dispatch', option: '-i' },
} as const satisfies Record<Stage['direction'], unknown>

function endpointChains(
  { kind, direction }: Stage,
  { interfaceName }: Endpoint,
  chains: readonly CountedChain[],
): ReadonlySet<string> {
  if (interfaceName === undefined) return new Set()
  if (kind !== 'workload')
    return new Set([chainName(HOST_CHAINS[kind][direction], interfaceName === '*' ? ANY_INTERFACE : interfaceName)])
  const { root, option } = WORKLOAD_DISPATCH[direction]
  const lead = `${option} ${interfaceName} -g `
  const rules = chains.filter(({ name }) => name.startsWith(root)).flatMap((chain) => chain.rules)
  return new Set(rules.flatMap(({ text }) => (text.startsWith(lead) ? [text.slice(lead.length)] : [])))
}

interface DecidingChain {
  readonly name: string
  /** From 0, among `of` rules of the policy or profile. */
  readonly rule: number
  readonly of: number
}

/** The chain of the policy or profile that decides. */
function decidingChain({ direction, decision }: Stage, world: World): DecidingChain | undefined {
  switch (decision.kind) {
    case 'policy': {
      const { tier, policy: name, namespace, rule } = decision
      const policy = world.tiers
        .flatMap(({ policies }) => policies)
        .find((one) => one.tier === tier && one.name === name && one.namespace === namespace)
      if (policy === undefined) return undefined
      const id = [tier, ...(namespace === undefined ? [] : [namespace]), policy.storageName].join('/')
      const prefix = direction === 'ingress' ? 'cali-pi-' : 'cali-po-'
      return { name: chainName(prefix, id), rule, of: policy[direction]?.length ?? 0 }
    }
    case 'profile': {
      const { profile: name, rule } = decision
      const prefix = direction === 'ingress' ? 'cali-pri-' : 'cali-pro-'
      return { name: chainName(prefix, name), rule, of: world.profiles.get(name)?.[direction]?.length ?? 0 }
    }
    default:
      return undefined
  }
}

const MARK = /-j MARK --set-x?mark (0x[0-9a-f]+)/

/** Places of the rules that give a verdict: those that drop, log, or set the mark that the next rule leaves with. */
function verdictsOf(rules: readonly CountedRule[]): number[] {
  return rules.flatMap(({ text }, at) => {
    if (/-j (DROP|REJECT|LOG|NFLOG)\b/.test(text)) return [at]
    const mark = MARK.exec(text)?.[1]
    if (mark === undefined) return []
    const next = rules[at + 1]?.text
    const leaves = next === undefined || (next.includes('-j RETURN') && next.includes(`--mark ${mark}/`))
    return leaves ? [at] : []
  })
}

/** What in the endpoint's own chain leads to the decision. */
function leadsTo({ decision }: Stage, deciding: string | undefined): (rule: CountedRule) => boolean {
  if (deciding !== undefined) return ({ text }) => text.endsWith(`-j ${deciding}`)
  const reason =
    decision.kind === 'end-of-tier'
      ? `Tier ${decision.tier}: not allowed`
      : decision.kind === 'no-profile-matched'
        ? 'Neither policy nor profile'
        : undefined
  return ({ comments }) => reason !== undefined && comments.some((comment) => comment.startsWith(reason))
}

/** The rules of this host that a stage's decision stands in, in the order in which a packet meets them. */
export function countedPlaces(stage: Stage, world: World, chains: readonly CountedChain[]): CountedPlace[] {
  const endpoint = world.endpoints.find(({ name }) => name === stage.endpoint)
  const deciding = decidingChain(stage, world)
  const own = endpoint === undefined ? new Set<string>() : endpointChains(stage, endpoint, chains)
  const named = (names: ReadonlySet<string>): CountedChain[] =>
    chains.filter(({ name, table }) => names.has(name) && table === TABLES[stage.kind])
  const leads = leadsTo(stage, deciding?.name)
  return [
    ...named(own).map((chain) => ({
      chain,
      hits: chain.rules.filter(leads).map((rule) => ({ rule, decides: deciding === undefined })),
    })),
    ...named(new Set(deciding && [deciding.name])).map((chain) => ({
      chain,
      hits: decidingHits(chain.rules, deciding),
    })),
  ].filter(({ hits }) => hits.length > 0)
}

/** The one rule when it is certain, else all of the chain. */
function decidingHits(rules: readonly CountedRule[], deciding: DecidingChain | undefined): CountedHit[] {
  const verdicts = verdictsOf(rules)
  const at = deciding !== undefined && verdicts.length === deciding.of ? verdicts[deciding.rule] : undefined
  const exact = at === undefined ? undefined : rules[at]
  return exact === undefined ? rules.map((rule) => ({ rule, decides: false })) : [{ rule: exact, decides: true }]
}

/** One line a rule: how often it has matched, its id, what it says. */
export const counterLines = (places: readonly CountedPlace[]): string[] =>
  places.flatMap(({ chain: { variant, table, name }, hits }) => [
    `    iptables-${variant} ${table} ${name}:`,
    ...hits.map(
      ({ rule: { packets, bytes, id, text }, decides }) =>
        `    ${decides ? '=>' : '  '} ${packets} packets, ${bytes} bytes: ${text}${id === undefined ? '' : ` [${id}]`}`,
    ),
  ])
