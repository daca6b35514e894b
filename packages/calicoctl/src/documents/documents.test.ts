import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseIp } from '@calico-node/model'
import { addressName } from './names.ts'
import { cidrsOfRange } from './ranges.ts'
import { parseRuleWords, ruleWords } from './rule-words.ts'

describe('parseRuleWords()', () => {
  const cases: [words: string, rule: object, shown?: string][] = [
    ['allow', { action: 'Allow' }],
    ['deny tcp', { action: 'Deny', protocol: 'TCP' }],
    ['allow from tag WEB', { action: 'Allow', source: { selector: 'has(WEB)' } }],
    [
      'allow tcp from ports 1,2,3:4 tag web cidr 10.0.0.0/8 to ports 80',
      {
        action: 'Allow',
        protocol: 'TCP',
        source: { ports: [1, 2, '3:4'], selector: 'has(web)', nets: ['10.0.0.0/8'] },
        destination: { ports: [80] },
      },
    ],
    [
      'allow icmp type 8 code 0 to 10.0.0.1',
      {
        action: 'Allow',
        protocol: 'ICMP',
        icmp: { type: 8, code: 0 },
        destination: { nets: ['10.0.0.1/32'] },
      },
      'allow icmp type 8 code 0 to cidr 10.0.0.1/32',
    ],
    ['deny icmpv6 type 128', { action: 'Deny', protocol: 'ICMPv6', icmp: { type: 128 } }],
    ['deny to fd00::/8', { action: 'Deny', destination: { nets: ['fd00::/8'] } }, 'deny to cidr fd00::/8'],
  ]
  for (const [words, rule, shown = words] of cases) {
    test(words, () => {
      const parsed = parseRuleWords(words.split(' '))
      assert.deepEqual(parsed, rule)
      assert.equal(ruleWords(parsed), shown)
    })
  }
  const refused: [words: string, message: RegExp][] = [
    ['permit', /"permit" is neither allow nor deny/],
    ['allow sctp', /"sctp" is not expected there/],
    ['allow from', /nothing follows "from"/],
    ['allow icmp type 300', /ICMP type "300" is not a number from 0 to 254/],
    ['allow tcp from ports', /list of ports is missing/],
  ]
  for (const [words, message] of refused) {
    test(`refuses ${words}`, () => assert.throws(() => parseRuleWords(words.split(' ')), { code: 'INVALID', message }))
  }
})

describe('cidrsOfRange()', () => {
  const cases: [first: string, last: string, cidrs: string[]][] = [
    ['10.0.0.0', '10.0.0.255', ['10.0.0.0/24']],
    ['10.0.0.1', '10.0.0.6', ['10.0.0.1/32', '10.0.0.2/31', '10.0.0.4/31', '10.0.0.6/32']],
    ['10.0.0.7', '10.0.0.7', ['10.0.0.7/32']],
    ['0.0.0.0', '255.255.255.255', ['0.0.0.0/0']],
    ['fd00::', 'fd00::ff', ['fd00::/120']],
  ]
  for (const [first, last, cidrs] of cases) {
    test(`${first} to ${last}`, () => assert.deepEqual(cidrsOfRange(parseIp(first), parseIp(last)), cidrs))
  }
  test('refuses a range that runs backwards', () => {
    assert.throws(() => cidrsOfRange(parseIp('10.0.0.2'), parseIp('10.0.0.1')), { code: 'INVALID' })
  })
})

describe('addressName()', () => {
  test('IPv4', () => assert.equal(addressName(parseIp('10.0.0.1')), '10-0-0-1'))
  test('IPv6', () => assert.equal(addressName(parseIp('fd00::1')), 'fd00-0000-0000-0000-0000-0000-0000-0001'))
})
