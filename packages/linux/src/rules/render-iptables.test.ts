import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCidr, parseIp } from '@calico-node/model'
import { renderRule } from './render-iptables.ts'
import type { Action, IpVersion, Match } from './types.ts'

const drop: Action = { kind: 'drop' }
const tcp: Match = { kind: 'protocol', protocol: 6 }

describe('matches', () => {
  const cases: [text: string, match: Match[], ipVersion?: IpVersion][] = [
    ['', []],
    ['-p 6', [tcp]],
    ['! -p 17', [{ kind: 'protocol', protocol: 17, negate: true }]],
    ['-s 10.0.0.0/8', [{ kind: 'net', side: 'source', cidr: parseCidr('10.0.0.0/8') }]],
    ['! -d fd00::/64', [{ kind: 'net', side: 'destination', cidr: parseCidr('fd00::/64'), negate: true }], 6],
    ['-m set --match-set cali40s:x src', [{ kind: 'set', side: 'source', set: 'cali40s:x' }]],
    [
      '-m set ! --match-set cali40n:x dst,dst',
      [{ kind: 'set', side: 'destination', set: 'cali40n:x', withPort: true, negate: true }],
    ],
    [
      '-p 6 -m multiport --destination-ports 80,1000:2000',
      [
        tcp,
        {
          kind: 'ports',
          side: 'destination',
          ports: [
            { first: 80, last: 80 },
            { first: 1000, last: 2000 },
          ],
        },
      ],
    ],
    [
      '-p 6 -m multiport ! --source-ports 53',
      [tcp, { kind: 'ports', side: 'source', ports: [{ first: 53, last: 53 }], negate: true }],
    ],
    ['-p 1 -m icmp --icmp-type 8', [{ kind: 'icmp', type: 8 }]],
    ['-p 1 -m icmp ! --icmp-type 3/4', [{ kind: 'icmp', type: 3, code: 4, negate: true }]],
    ['-p 58 -m icmp6 --icmpv6-type 128/0', [{ kind: 'icmp', type: 128, code: 0 }], 6],
    ['-i cali+', [{ kind: 'in-interface', name: 'cali+' }]],
    ['! -o cali1', [{ kind: 'out-interface', name: 'cali1', negate: true }]],
    ['-m mark --mark 0x10000/0x30000', [{ kind: 'mark', value: 0x10000, mask: 0x30000 }]],
    ['-m mark ! --mark 0x0/0x80000000', [{ kind: 'mark', value: 0, mask: 0x80000000, negate: true }]],
    ['-m conntrack --ctstate RELATED,ESTABLISHED', [{ kind: 'conntrack', states: ['RELATED', 'ESTABLISHED'] }]],
    ['-m conntrack ! --ctstate DNAT', [{ kind: 'conntrack', states: ['DNAT'], negate: true }]],
    ['-m addrtype --dst-type LOCAL', [{ kind: 'address-type', side: 'destination', type: 'LOCAL' }]],
    [
      '-m addrtype ! --src-type LOCAL --limit-iface-out',
      [{ kind: 'address-type', side: 'source', type: 'LOCAL', limitToOutInterface: true, negate: true }],
    ],
    ['-m rpfilter --validmark --invert', [{ kind: 'reverse-path-fails' }]],
    ['-m limit --limit 10/minute --limit-burst 5', [{ kind: 'limit', rate: '10/minute', burst: 5 }]],
  ]
  for (const [text, match, ipVersion = 4] of cases) {
    test(text === '' ? 'none' : text, () => {
      assert.equal(renderRule({ match, action: drop }, ipVersion), [text, '-j DROP'].filter(Boolean).join(' '))
    })
  }
})

describe('the protocol, of which iptables takes one, first', () => {
  const ports: Match = { kind: 'ports', side: 'source', ports: [{ first: 1, last: 1 }] }
  const cases: [why: string, match: Match[], text: string][] = [
    ['moves to the front', [ports, tcp], '-p 6 -m multiport --source-ports 1 -j DROP'],
    ['makes a negated other one redundant', [tcp, { kind: 'protocol', protocol: 17, negate: true }], '-p 6 -j DROP'],
    [
      'never holds beside its own negation',
      [tcp, { kind: 'protocol', protocol: 6, negate: true }],
      '-m mark --mark 0x1/0x0 -j DROP',
    ],
    ['never holds beside ICMP', [tcp, { kind: 'icmp', type: 8 }], '-m mark --mark 0x1/0x0 -j DROP'],
  ]
  for (const [why, match, text] of cases) test(why, () => assert.equal(renderRule({ match, action: drop }, 4), text))
})

describe('actions', () => {
  const v4 = parseIp('192.0.2.1')
  const v6 = parseIp('2001:db8::1')
  const ports = { first: 1024, last: 2048 }
  const cases: [text: string, action: Action][] = [
    ['-j ACCEPT', { kind: 'accept' }],
    ['-j DROP', drop],
    ['-j RETURN', { kind: 'return' }],
    ['-j CT --notrack', { kind: 'notrack' }],
    ['-j REJECT', { kind: 'reject' }],
    ['-j REJECT --reject-with tcp-reset', { kind: 'reject', with: 'tcp-reset' }],
    ['-j cali-x', { kind: 'jump', chain: 'cali-x' }],
    ['-g cali-x', { kind: 'goto', chain: 'cali-x' }],
    ['-j MARK --set-xmark 0x10000/0x10000', { kind: 'set-mark', value: 0x10000, mask: 0x10000 }],
    ['-j LOG --log-prefix "calico-packet: " --log-level 5', { kind: 'log', prefix: 'calico-packet: ' }],
    ['-j MASQUERADE', { kind: 'masquerade' }],
    ['-j MASQUERADE --to-ports 1024-2048 --random-fully', { kind: 'masquerade', ports, randomFully: true }],
    ['-j SNAT --to-source 192.0.2.1:1024-2048', { kind: 'snat', to: v4, ports }],
    ['-j SNAT --to-source [2001:db8::1]:1024-2048', { kind: 'snat', to: v6, ports }],
    ['-j SNAT --to-source 2001:db8::1 --random-fully', { kind: 'snat', to: v6, randomFully: true }],
    ['-j DNAT --to-destination [2001:db8::1]:80', { kind: 'dnat', to: v6, port: 80 }],
    ['-j DNAT --to-destination 192.0.2.1', { kind: 'dnat', to: v4 }],
  ]
  for (const [text, action] of cases) test(text, () => assert.equal(renderRule({ match: [], action }, 4), text))
})

describe('free text', () => {
  test('loses what could end its quotes or its line', () => {
    const comments = ['Policy a/b "ingress"\n-j ACCEPT `$x`', 'key=v@l%1']
    const text = renderRule({ match: [], action: drop, comments }, 4)
    assert.equal(
      text,
      '-m comment --comment "Policy a/b _ingress__-j ACCEPT __x_" -m comment --comment "key=v@l%1" -j DROP',
    )
  })
  test('is cut at what the kernel holds', () => {
    const text = renderRule(
      { match: [], action: { kind: 'log', prefix: 'p'.repeat(99) }, comments: ['c'.repeat(999)] },
      4,
    )
    assert.ok(text.includes(`"${'c'.repeat(255)}"`))
    assert.ok(text.includes(`"${'p'.repeat(29)}"`))
  })
})

test('a rate limit cannot be negated', () => {
  const match: Match[] = [{ kind: 'limit', rate: '1/second', burst: 1, negate: true }]
  assert.throws(() => renderRule({ match, action: drop }, 4), { code: 'UNSUPPORTED' })
})
