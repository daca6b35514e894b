import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseIpInterface } from '@calico-node/model'
import { chooseAddress } from './detect/choose.ts'
import type { HostAddress } from './detect/facts.ts'
import { type AddressInput, decideAddress, needsDetection, requireSomeAddress } from './decision.ts'

const on = (name: string, text: string, index = 1): HostAddress => ({
  interface: name,
  index,
  address: parseIpInterface(text),
  secondary: false,
})
const HOST = [on('eth0', '10.0.0.5/24'), on('eth0', 'fd00::5/64')]

const input = (
  version: 4 | 6,
  setting: string | undefined,
  existing: string | undefined,
  local = HOST,
): AddressInput => ({
  version,
  setting:
    setting === undefined || setting === 'autodetect' || setting === 'none'
      ? setting
      : { address: parseIpInterface(setting), bare: !setting.includes('/') },
  existing: existing === undefined ? undefined : parseIpInterface(existing),
  local,
  detected: chooseAddress(
    { kind: 'auto' },
    {
      version,
      defaultRoutes: [],
      probes: [],
      addresses: local.filter(({ address }) => address.ip.includes(':') === (version === 6)),
    },
  ),
})

describe('decideAddress()', () => {
  type Case = [why: string, input: AddressInput, expected: string | undefined, warning?: RegExp]
  const cases: Case[] = [
    ['IP unset detects', input(4, undefined, undefined), '10.0.0.5/24'],
    ['IP unset keeps the address of the Node', input(4, undefined, '10.0.0.5/24'), '10.0.0.5/24'],
    [
      'IP unset keeps an address that is on no interface, with a warning',
      input(4, undefined, '10.0.0.6/24'),
      '10.0.0.6/24',
      /none of its interfaces/,
    ],
    ['IP=autodetect replaces the address of the Node', input(4, 'autodetect', '10.0.0.6/24'), '10.0.0.5/24'],
    [
      'IP=autodetect keeps the old address when there is nothing to find',
      input(4, 'autodetect', '10.0.0.6/24', []),
      '10.0.0.6/24',
      /old address is kept/,
    ],
    ['IP=none leaves the Node without', input(4, 'none', undefined), undefined],
    ['IP=none keeps the address of the Node', input(4, 'none', '10.0.0.6/24'), '10.0.0.6/24'],
    ['a bare address takes the prefix length of its interface', input(4, '10.0.0.5', undefined), '10.0.0.5/24'],
    [
      'a bare address on no interface stays single, with a warning',
      input(4, '10.0.0.9', undefined),
      '10.0.0.9/32',
      /none of its interfaces/,
    ],
    ['a CIDR is taken as given', input(4, '10.0.0.5/16', '10.0.0.6/24'), '10.0.0.5/16'],
    ['IP6 unset means no IPv6', input(6, undefined, undefined), undefined],
    ['IP6 unset keeps the address of the Node', input(6, undefined, 'fd00::5/64'), 'fd00::5/64'],
    ['IP6=autodetect detects', input(6, 'autodetect', undefined), 'fd00::5/64'],
    ['a bare IPv6 address takes the prefix length of its interface', input(6, 'fd00::5', undefined), 'fd00::5/64'],
    [
      'the reserved range is warned about',
      input(4, '240.0.0.1/24', undefined, [on('e', '240.0.0.1/24')]),
      '240.0.0.1/24',
      /240\.0\.0\.0\/4/,
    ],
  ]
  for (const [why, given, expected, warning] of cases) {
    test(why, () => {
      const { address, notes } = decideAddress(given)
      assert.equal(address?.text, expected)
      const warnings = notes
        .filter(({ level }) => level === 'warn')
        .map(({ message }) => message)
        .join('; ')
      assert.match(warnings, warning ?? /^$/)
    })
  }
  test('logs the choice with its reason and all candidates', () => {
    const [note] = decideAddress(input(4, undefined, undefined)).notes
    assert.deepEqual(note?.fields, {
      ipVersion: 4,
      address: '10.0.0.5/24',
      interface: 'eth0',
      because: 'it is the first usable address found',
      candidates: ['10.0.0.5/24 on eth0'],
    })
  })
  test('warns about an ambiguous choice with the list and the way out', () => {
    const { notes } = decideAddress(
      input(4, undefined, undefined, [on('eth0', '10.0.0.5/24'), on('eth1', '10.9.0.5/24', 2)]),
    )
    const warning = notes.find(({ level }) => level === 'warn')
    assert.match(warning?.message ?? '', /IP=ADDRESS or IP_AUTODETECTION_METHOD=interface=NAME/)
    assert.deepEqual(warning?.fields['others'], ['10.0.0.5/24 on eth0'])
  })
  test('fails when an address is needed and none can be found', () => {
    assert.throws(() => decideAddress(input(4, undefined, undefined, [])), { code: 'NOT_FOUND' })
    assert.throws(() => decideAddress(input(6, 'autodetect', undefined, [])), { code: 'NOT_FOUND', message: /IPv6/ })
  })
})

describe('needsDetection()', () => {
  const cases: [version: 4 | 6, setting: string | undefined, existing: string | undefined, expected: boolean][] = [
    [4, undefined, undefined, true],
    [4, undefined, '10.0.0.5/24', false],
    [4, 'autodetect', '10.0.0.5/24', true],
    [4, 'none', undefined, false],
    [4, '10.0.0.5', undefined, false],
    [6, undefined, undefined, false],
    [6, 'autodetect', undefined, true],
  ]
  for (const [version, setting, existing, expected] of cases) {
    test(`IPv${version} ${setting ?? 'unset'}, Node has ${existing ?? 'none'}`, () => {
      assert.equal(needsDetection(input(version, setting, existing)), expected)
    })
  }
})

test('networking without any address is refused', () => {
  const none = decideAddress(input(4, 'none', undefined))
  assert.throws(() => requireSomeAddress([none, none]), { code: 'INVALID', message: /CALICO_NETWORKING_BACKEND=none/ })
  requireSomeAddress([none, decideAddress(input(6, 'fd00::5', undefined))])
})
