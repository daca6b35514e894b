/** Rules as iptables would be told, made easy to read for tests. */
import { type Chain, type IpVersion, renderRule, type Rule } from '@calico-node/linux'
import { environmentLayer } from '../config/layers.ts'
import { resolveFelixConfig } from '../config/resolve.ts'
import { type RuleSettings, ruleSettings } from './settings.ts'

export const settingsOf = (env: Readonly<Record<string, string>> = {}): RuleSettings =>
  ruleSettings(resolveFelixConfig([environmentLayer(env)]).config)

/** Rules as lines; marks by name, comments after a `#`. */
export function text(rules: readonly Rule[], version: IpVersion = 4): string[] {
  return rules.map((rule) => {
    const { comments = [], ...plain } = rule
    const line = renderRule(plain, version)
      .replace('--set-xmark 0x0/0x1b0000', '--clear all')
      .replace('--set-xmark 0x0/0x30000', '--clear accept,pass')
      .replace('--set-xmark 0x0/0x1a0000', '--clear pass,s0,s1')
      .replace('--set-xmark 0x0/0x180000', '--clear s0,s1')
      .replaceAll(/0x10000\/0x10000/g, 'accept')
      .replaceAll(/0x0\/0x10000(?!0)/g, 'no-accept')
      .replaceAll(/0x20000\/0x20000/g, 'pass')
      .replaceAll(/0x0\/0x20000/g, 'no-pass')
      .replaceAll(/0x80000\/0x80000/g, 's0')
      .replaceAll(/0x0\/0x80000/g, 'no-s0')
      .replaceAll(/0x100000\/0x100000/g, 's1')
      .replaceAll(/0x0\/0x100000/g, 'no-s1')
    return comments.length === 0 ? line : `${line} # ${comments.join('; ')}`
  })
}
export const byName = (chains: readonly Chain[], version?: IpVersion): Record<string, string[]> =>
  Object.fromEntries(
    chains.filter(({ rules }) => rules.length > 0).map(({ name, rules }) => [name, text(rules, version)]),
  )
