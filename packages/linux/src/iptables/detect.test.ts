import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseVariant, type VariantSurvey } from './detect.ts'
import type { IptablesVariant } from './table.ts'

const idle: VariantSurvey = { available: true, rules: 0, kubernetes: false, ours: [] }
const ours = { ...idle, ours: [{ ipVersion: 4, table: 'filter' } as const] }

describe('chooseVariant()', () => {
  const cases: [why: string, legacy: VariantSurvey, nft: VariantSurvey, variant: IptablesVariant, reason: RegExp][] = [
    ['legacy on an idle host', idle, idle, 'legacy', /default/],
    ['the one with more rules', { ...idle, rules: 3 }, { ...idle, rules: 9 }, 'nft', /more rules: 9, legacy 3/],
    ['legacy when it has more rules', { ...idle, rules: 9 }, { ...idle, rules: 3 }, 'legacy', /more rules: 9, nft 3/],
    ['the kubelet’s, whatever the counts', { ...idle, rules: 9 }, { ...idle, kubernetes: true }, 'nft', /kubelet/],
    ['legacy with the kubelet', { ...idle, kubernetes: true }, { ...idle, rules: 9 }, 'legacy', /kubelet/],
    [
      'nft when both have kubelet chains',
      { ...idle, kubernetes: true, rules: 9 },
      { ...idle, kubernetes: true },
      'nft',
      /both/,
    ],
    [
      'the one chosen before, whatever else is there',
      { ...ours, rules: 2 },
      { ...idle, rules: 99, kubernetes: true },
      'legacy',
      /earlier run/,
    ],
    [
      'by the other signs when both hold rules of ours',
      { ...ours, rules: 2 },
      { ...ours, rules: 99 },
      'nft',
      /more rules/,
    ],
    ['what there is', { ...idle, available: false }, idle, 'nft', /iptables-legacy does not work/],
    [
      'what there is, even without rules',
      idle,
      { ...idle, available: false, rules: 9 },
      'legacy',
      /iptables-nft does not work/,
    ],
  ]
  for (const [why, legacy, nft, variant, reason] of cases) {
    test(`takes ${why}`, () => {
      const choice = chooseVariant({ legacy, nft }, 'auto')
      assert.equal(choice.variant, variant)
      assert.match(choice.reason, reason)
    })
  }
  test('obeys the configuration', () => assert.equal(chooseVariant({ legacy: ours, nft: idle }, 'nft').variant, 'nft'))
  test('says so when there is none', () => {
    const none = { ...idle, available: false }
    assert.throws(() => chooseVariant({ legacy: none, nft: none }, 'auto'), { code: 'COMMAND_MISSING' })
  })
})
