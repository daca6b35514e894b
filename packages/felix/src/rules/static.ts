/**
 * What stands in every table whatever the resources say: where packets enter our rules, who is asked, in which order.
 *
 * ```
 * raw     PREROUTING   marks cleared -> tunnels -> source address of a workload must be its own -> untracked host policy
 * mangle  PREROUTING   established passes -> host policy before DNAT
 * nat     PREROUTING   floating addresses         (appended to POSTROUTING: masquerade what leaves the pools, and tunnels)
 * filter  INPUT        tunnels -> from a workload: its egress policy, then the configured action   else host policy
 *         FORWARD      host policy -> egress policy of the sender -> ingress policy of the receiver -> host policy
 *         OUTPUT       tunnels -> to a workload: always allowed                                    else host policy
 * mangle  POSTROUTING  host policy of what DNAT sent elsewhere
 * ```
 * A packet that every one of them allows carries the accept mark and is accepted after the last rule of everybody else.
 * Chains that managers fill stand from their first pass on, so that the jumps to them are valid.
 */
import type { Chain, Hook, IpVersion, Rule, Table } from '@calico-node/linux'
import { failsafeChains, NEIGHBOUR_DISCOVERY } from './failsafes.ts'
import { CHAIN } from './names.ts'
import type { RuleSettings } from './settings.ts'
import {
  ACCEPT,
  clearMark,
  DROP,
  goTo,
  inInterface,
  IP_PROTOCOL,
  jump,
  marked,
  not,
  outInterface,
  protocol,
  RETURN,
  rule,
  setMark,
  tracked,
  unmarked,
} from './vocabulary.ts'

export interface TablePlan {
  readonly table: Table
  readonly chains: readonly Chain[]
  readonly hooks: readonly Hook[]
}

export const staticTables = (settings: RuleSettings, version: IpVersion): TablePlan[] => [
  rawTable(settings, version),
  mangleTable(settings, version),
  natTable(),
  filterTable(settings, version),
]

const empty = (...names: readonly string[]): Chain[] => names.map((name) => ({ name, rules: [] }))
const hook = (chain: Hook['chain'], insert: readonly Rule[], append: readonly Rule[] = []): Hook => ({
  chain,
  insert,
  append,
})
const enter = (chain: string): Rule[] => [rule([], jump(chain))]

function rawTable(settings: RuleSettings, version: IpVersion): TablePlan {
  const { marks, workloadPrefixes } = settings
  const [fromWorkload] = marks.scratch
  const clear = rule([], clearMark(marks.accept, marks.pass, ...marks.scratch))
  const allowed = rule([marked(marks.accept)], ACCEPT)
  return {
    table: 'raw',
    chains: [
      {
        name: CHAIN.prerouting,
        rules: [
          clear,
          rule([], jump(CHAIN.tunnelUntracked)),
          ...workloadPrefixes.map((prefix) => rule([inInterface(`${prefix}+`)], setMark(fromWorkload))),
          rule([marked(fromWorkload)], jump(CHAIN.mayUseOtherSource)),
          rule(
            [marked(fromWorkload), { kind: 'reverse-path-fails' }],
            DROP,
            "Source address is not the workload's own",
          ),
          rule([unmarked(fromWorkload)], jump(CHAIN.fromHostEndpoint)),
          allowed,
        ],
      },
      {
        name: CHAIN.output,
        rules: [clear, rule([], jump(CHAIN.toHostEndpoint)), rule([], jump(CHAIN.tunnelUntracked)), allowed],
      },
      ...empty(CHAIN.mayUseOtherSource, CHAIN.tunnelUntracked),
      ...failsafeChains(settings, 'raw', version),
    ],
    hooks: [hook('PREROUTING', enter(CHAIN.prerouting)), hook('OUTPUT', enter(CHAIN.output))],
  }
}

function mangleTable(settings: RuleSettings, version: IpVersion): TablePlan {
  const { marks, mangleAllow, workloadPrefixes } = settings
  const allowed = rule([marked(marks.accept)], mangleAllow)
  const leave = rule([marked(marks.accept)], RETURN)
  return {
    table: 'mangle',
    chains: [
      {
        name: CHAIN.prerouting,
        rules: [
          rule([tracked('RELATED', 'ESTABLISHED')], mangleAllow),
          allowed,
          rule([], jump(CHAIN.fromHostEndpoint)),
          ...workloadPrefixes.map((prefix) =>
            rule([inInterface(`${prefix}+`)], clearMark(marks.accept), 'What a workload sends has more to pass'),
          ),
          allowed,
        ],
      },
      {
        name: CHAIN.postrouting,
        rules: [
          leave,
          rule([], clearMark(marks.accept, marks.pass, ...marks.scratch)),
          rule([tracked('DNAT')], jump(CHAIN.toHostEndpoint)),
          leave,
        ],
      },
      ...failsafeChains(settings, 'mangle', version),
    ],
    hooks: [hook('PREROUTING', enter(CHAIN.prerouting)), hook('POSTROUTING', enter(CHAIN.postrouting))],
  }
}

/** POSTROUTING comes after everybody else's rules, so that a service proxy may masquerade first. */
function natTable(): TablePlan {
  const toFloating = enter(CHAIN.floatingDnat)
  return {
    table: 'nat',
    chains: [
      { name: CHAIN.prerouting, rules: toFloating },
      { name: CHAIN.output, rules: toFloating },
      { name: CHAIN.postrouting, rules: [CHAIN.floatingSnat, CHAIN.natOutgoing, CHAIN.tunnelSource].flatMap(enter) },
      ...empty(CHAIN.floatingDnat, CHAIN.floatingSnat, CHAIN.tunnelSource),
    ],
    hooks: [
      hook('PREROUTING', enter(CHAIN.prerouting)),
      hook('OUTPUT', enter(CHAIN.output)),
      hook('POSTROUTING', [], enter(CHAIN.postrouting)),
    ],
  }
}

function filterTable(settings: RuleSettings, version: IpVersion): TablePlan {
  const { marks, filterAllow } = settings
  const allowed = rule([marked(marks.accept)], filterAllow)
  return {
    table: 'filter',
    chains: [
      { name: CHAIN.input, rules: inputRules(settings) },
      { name: CHAIN.workloadToHost, rules: workloadToHostRules(settings, version) },
      { name: CHAIN.forward, rules: forwardRules(settings) },
      { name: CHAIN.output, rules: outputRules(settings) },
      ...empty(CHAIN.serviceLoops, CHAIN.tunnelIn, CHAIN.tunnelOut),
      ...failsafeChains(settings, 'filter', version),
    ],
    hooks: [
      hook('INPUT', enter(CHAIN.input)),
      hook('FORWARD', enter(CHAIN.forward), [
        allowed,
        rule([], setMark(marks.accept), 'Forwarded: no host policy in mangle'),
      ]),
      hook('OUTPUT', enter(CHAIN.output)),
    ],
  }
}

function inputRules({ marks, filterAllow, workloadPrefixes }: RuleSettings): Rule[] {
  const allowed = rule([marked(marks.accept)], filterAllow)
  return [
    rule([], jump(CHAIN.tunnelIn)),
    ...workloadPrefixes.map((prefix) => rule([inInterface(`${prefix}+`)], goTo(CHAIN.workloadToHost))),
    allowed,
    rule([], clearMark(marks.accept, marks.pass, ...marks.scratch)),
    rule([], jump(CHAIN.fromHostEndpoint)),
    allowed,
  ]
}

const workloadToHostRules = ({ workloadToHost }: RuleSettings, version: IpVersion): Rule[] => [
  ...(version === 4
    ? []
    : NEIGHBOUR_DISCOVERY.map((type) => rule([protocol(IP_PROTOCOL.icmpv6), { kind: 'icmp', type }], ACCEPT))),
  rule([], jump(CHAIN.fromWorkloadDispatch)),
  rule([], workloadToHost, 'Workload to its own host'),
]

const forwardRules = ({ marks, workloadPrefixes }: RuleSettings): Rule[] => [
  rule([], clearMark(marks.pass, ...marks.scratch)),
  rule([unmarked(marks.accept)], jump(CHAIN.fromHostEndpointForward)),
  ...workloadPrefixes.flatMap((prefix) => [
    rule([inInterface(`${prefix}+`)], jump(CHAIN.fromWorkloadDispatch)),
    rule([outInterface(`${prefix}+`)], jump(CHAIN.toWorkloadDispatch)),
  ]),
  rule([], jump(CHAIN.toHostEndpointForward)),
  rule([], jump(CHAIN.serviceLoops)),
]

function outputRules({ marks, filterAllow, workloadPrefixes }: RuleSettings): Rule[] {
  const allowed = rule([marked(marks.accept)], filterAllow)
  return [
    rule([], jump(CHAIN.tunnelOut)),
    allowed,
    ...workloadPrefixes.map((prefix) =>
      rule([outInterface(`${prefix}+`)], RETURN, 'This host may reach its workloads'),
    ),
    rule([], clearMark(marks.accept, marks.pass, ...marks.scratch)),
    rule([not(tracked('DNAT'))], jump(CHAIN.toHostEndpoint)),
    allowed,
  ]
}
