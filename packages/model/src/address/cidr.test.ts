import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  cidrBase,
  cidrContains,
  cidrOf,
  cidrOverlaps,
  cidrPrefixLength,
  cidrSize,
  compareCidrs,
  findCidr,
  findCidrText,
  hostCidr,
  ipVersion,
  parseCidr,
  parseIpInterface,
  parseNet,
} from './cidr.ts'
import { bitsOf, ipFromBigInt, ipToBigInt, parseIp } from './ip.ts'

describe('parseCidr() clears host bits', () => {
  const rows: [text: string, canonical: string][] = [
    ['192.168.1.77/26', '192.168.1.64/26'],
    ['255.255.255.255/31', '255.255.255.254/31'],
    ['1.2.3.4/0', '0.0.0.0/0'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['FD80:24E2:f998:72d6:1:2:3:4/64', 'fd80:24e2:f998:72d6::/64'],
    ['fd00::1', 'fd00::1/128'],
    ['ffff::1/0', '::/0'],
    ['fd00::ff/121', 'fd00::80/121'],
  ]
  for (const [text, canonical] of rows) test(text, () => assert.equal(parseCidr(text), canonical))
})

describe('parseCidr() refuses', () => {
  for (const text of [
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '::/129',
    'fd00::/+8',
    '10.0.0.0/8 ',
  ]) {
    test(JSON.stringify(text), () => {
      assert.equal(findCidr(text), undefined)
      assert.equal(findCidrText(text), undefined)
      assert.throws(() => parseCidr(text), { code: 'INVALID' })
    })
  }
})

test('parseNet() refuses host bits and names the network that was meant', () => {
  assert.equal(parseNet('10.1.0.0/16'), '10.1.0.0/16')
  assert.equal(parseNet('fd00::'), 'fd00::/128')
  assert.throws(() => parseNet('10.1.2.3/16'), {
    message: 'Cannot parse network "10.1.2.3/16": want host bits to be zero, as in 10.1.0.0/16',
  })
})

test('parseIpInterface() keeps host bits and gives an address alone the full mask', () => {
  assert.deepEqual(parseIpInterface('10.0.0.1/24'), {
    ip: '10.0.0.1',
    prefixLength: 24,
    cidr: '10.0.0.0/24',
    text: '10.0.0.1/24',
  })
  assert.deepEqual(parseIpInterface('FD00::1'), {
    ip: 'fd00::1',
    prefixLength: 128,
    cidr: 'fd00::1/128',
    text: 'fd00::1/128',
  })
  assert.throws(() => parseIpInterface('10.0.0.1/33'), { code: 'INVALID' })
})

describe('networks contain and overlap', () => {
  const rows: [outer: string, inner: string, contains: boolean, overlaps: boolean][] = [
    ['10.0.0.0/8', '10.1.0.0/16', true, true],
    ['10.1.0.0/16', '10.0.0.0/8', false, true],
    ['10.0.0.0/8', '11.0.0.0/8', false, false],
    ['0.0.0.0/0', '10.0.0.1', true, true],
    ['::/0', '10.0.0.1', false, false],
    ['::/0', 'fd00::/8', true, true],
    ['fd00::/64', 'fd00:0:0:1::/64', false, false],
    ['10.0.0.4/30', '10.0.0.7', true, true],
    ['10.0.0.4/30', '10.0.0.8', false, false],
  ]
  for (const [outer, inner, contains, overlaps] of rows) {
    test(`${outer} and ${inner}`, () => {
      assert.equal(cidrContains(parseCidr(outer), parseCidr(inner)), contains)
      if (!inner.includes('/')) assert.equal(cidrContains(parseCidr(outer), parseIp(inner)), contains)
      assert.equal(cidrOverlaps(parseCidr(outer), parseCidr(inner)), overlaps)
      assert.equal(cidrOverlaps(parseCidr(inner), parseCidr(outer)), overlaps)
    })
  }

  test('property: containment is what the numbers say', () => {
    const address = fc.constantFrom(4, 6).chain((version) =>
      fc.record({
        version: fc.constant(version),
        value: fc.bigInt({ min: 0n, max: (1n << BigInt(bitsOf(version))) - 1n }),
        length: fc.nat(bitsOf(version)),
        offset: fc.bigInt({ min: -300n, max: 300n }),
      }),
    )
    fc.assert(
      fc.property(address, ({ version, value, length, offset }) => {
        const cidr = cidrOf(ipFromBigInt(value, version), length)
        const first = ipToBigInt(cidrBase(cidr))
        const other = value + offset
        if (other < 0n || other >> BigInt(bitsOf(version)) !== 0n) return
        assert.equal(cidrContains(cidr, ipFromBigInt(other, version)), other >= first && other < first + cidrSize(cidr))
        assert.equal(cidrPrefixLength(cidr), length)
        assert.equal(ipVersion(cidr), version)
      }),
    )
  })
})

test('a prefix length that does not fit the version is refused', () => {
  for (const length of [-1, 33, 1.5, Number.NaN])
    assert.throws(() => cidrOf(parseIp('10.0.0.1'), length), { code: 'INVALID' })
  assert.equal(hostCidr(parseIp('::1')), '::1/128')
})

test('order: IPv4 first, then by address, larger networks first', () => {
  const texts = ['fd00::/8', '10.0.0.0/16', '10.0.0.0/8', '9.0.0.0/8', '::/0']
  const sorted = texts.map((text) => parseCidr(text)).toSorted(compareCidrs)
  assert.deepEqual(sorted, ['9.0.0.0/8', '10.0.0.0/8', '10.0.0.0/16', '::/0', 'fd00::/8'])
})
