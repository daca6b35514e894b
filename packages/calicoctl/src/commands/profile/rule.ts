import { CalicoError, messageOf } from '@calico-node/core'
import { parseResource, type ProfileResource } from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { value } from '../../cli/option.ts'
import { shownName } from '../../documents/names.ts'
import { changeProfile, getProfile } from '../../documents/profiles.ts'
import {
  fromOldRule,
  parseDirection,
  parsePosition,
  toOldRule,
  withoutRule,
  withRule,
  type OldRule,
} from '../../documents/rules.ts'
import { parseRuleWords, ruleWords } from '../../documents/rule-words.ts'
import { line, lines, type Block } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

const numbered = (title: string, rules: ProfileResource['spec']['ingress']): Block[] => [
  line(title),
  ...lines(...(rules ?? []).map((rule, i) => `${String(i + 1).padStart(4)} ${ruleWords(rule)}`)),
]

export const showCommand = defineCommand({
  args: ['<profile>'],
  options: {},
  usage: 'profile <profile> rule show',
  examples: [['profile web rule show', 'the rules with their positions']],
  async run(context, [profile]) {
    const { spec } = await getProfile(await context.client(), profile)
    return { blocks: [...numbered('Inbound rules:', spec.ingress), ...numbered('Outbound rules:', spec.egress)] }
  },
})

export const jsonCommand = defineCommand({
  args: ['<profile>'],
  options: {},
  usage: 'profile <profile> rule json',
  examples: [['profile web rule json > web.json', 'the rules as text that "rule update" reads']],
  async run(context, [typed]) {
    const profile = await getProfile(await context.client(), typed)
    const value = {
      id: shownName(profile),
      inbound_rules: (profile.spec.ingress ?? []).map(toOldRule),
      outbound_rules: (profile.spec.egress ?? []).map(toOldRule),
    }
    return { blocks: [{ kind: 'json', value }] }
  },
})

const isRecord = (value: unknown): value is OldRule =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function rulesIn(json: OldRule, key: string): unknown[] {
  const rules = json[key]
  if (!Array.isArray(rules) || !rules.every(isRecord))
    throw new CalicoError('INVALID', `Cannot read the rules: "${key}" must be a list of rules`)
  return rules.map(fromOldRule)
}

export const updateCommand = defineCommand({
  args: ['<profile>'],
  options: {},
  usage: 'profile <profile> rule update',
  details: 'Reads the JSON of "rule json" from standard input and replaces all rules.',
  examples: [['profile web rule update < web.json', 'replace the rules']],
  async run(context, [typed]) {
    let json: unknown
    try {
      json = JSON.parse(await context.readStdin())
    } catch (err) {
      throw new CalicoError('INVALID', `Cannot read the rules: ${messageOf(err)}`, { cause: err })
    }
    if (!isRecord(json))
      throw new CalicoError('INVALID', 'Cannot read the rules: want an object as "rule json" prints it')
    const profile = await getProfile(await writableClient(context), typed)
    if (json['id'] !== undefined && json['id'] !== typed && json['id'] !== profile.metadata.name) {
      throw new CalicoError('INVALID', `Rules are for profile ${JSON.stringify(json['id'])}, not for "${typed}"`)
    }
    const spec = { ...profile.spec, ingress: rulesIn(json, 'inbound_rules'), egress: rulesIn(json, 'outbound_rules') }
    const checked = parseResource({ ...profile, spec })
    if (checked.kind !== 'Profile') throw new CalicoError('INVALID', 'Cannot read the rules')
    const { ingress, egress } = checked.spec
    await changeProfile(await context.client(), typed, ({ ingress: _in, egress: _out, ...rest }) => ({
      ...rest,
      ...(ingress !== undefined && { ingress }),
      ...(egress !== undefined && { egress }),
    }))
    return { blocks: [line(`Rules of profile ${typed} replaced`)] }
  },
})

export const addCommand = defineCommand({
  args: ['<profile>', '<inbound|outbound>', '<rule...>'],
  options: { at: value('--at <position>', 'place in the list, from 1 (default: the end)', parsePosition) },
  usage: 'profile <profile> rule add inbound|outbound [--at=N] allow|deny [tcp|udp|icmp|icmpv6] [from ...] [to ...]',
  details:
    'After "from" and "to": ports 80,8000:8080, tag NAME, cidr NETWORK. After icmp: type N [code N]. ' +
    'A rule that is there already is not added twice.',
  examples: [
    ['profile web rule add inbound --at=1 allow tcp to ports 80,443', 'open two ports to everybody'],
    ['profile db rule add inbound allow tcp from tag web to ports 5432', 'open one to endpoints with a tag'],
  ],
  async run(context, [profile, where, words], { at }) {
    const direction = parseDirection(where)
    const rule = parseRuleWords(words)
    await changeProfile(await writableClient(context), profile, (spec) => withRule(spec, direction, rule, at))
    return { blocks: [line(`Rule added to profile ${profile}`)] }
  },
})

export const removeCommand = defineCommand({
  args: ['<profile>', '<inbound|outbound>', '[rule...]'],
  options: { at: value('--at <position>', 'place in the list, from 1', parsePosition) },
  usage: 'profile <profile> rule remove inbound|outbound --at=N | allow|deny ...',
  examples: [
    ['profile web rule remove inbound --at=1', 'remove the first'],
    ['profile web rule remove outbound allow', 'remove the one that reads like this'],
  ],
  async run(context, [profile, where, words], { at }) {
    const direction = parseDirection(where)
    if ((at === undefined) === (words.length === 0))
      throw new CalicoError('INVALID', 'Say which rule to remove: --at=N, or the rule itself')
    const which = at ?? parseRuleWords(words)
    await changeProfile(await writableClient(context), profile, (spec) => withoutRule(spec, direction, which))
    return { blocks: [line(`Rule removed from profile ${profile}`)] }
  },
})
