import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compareIps, findIp, ipFromBigInt, ipToBigInt, isIpv4, nextIp, parseIp, parseIpv4, parseIpv6 } from './ip.ts'

describe('parseIp() gives canonical text', () => {
  const rows: [why: string, text: string, canonical: string][] = [
    ['dotted quad', '10.0.0.1', '10.0.0.1'],
    ['largest IPv4', '255.255.255.255', '255.255.255.255'],
    ['lower case', 'FD00::AB', 'fd00::ab'],
    ['no leading zeros', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['the longest run of zeros', '1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['the leftmost of equal runs', '1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['a single zero group stays', '1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['one zero group written short', '1::2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['all zeros', '0:0:0:0:0:0:0:0', '::'],
    ['zeros in front', '::1', '::1'],
    ['zeros behind', 'fd00:0:0:0:0:0:0:0', 'fd00::'],
    ['a dotted tail', '64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ]
  for (const [why, text, canonical] of rows) test(`${why}: ${text}`, () => assert.equal(parseIp(text), canonical))
})

describe('parseIp() refuses', () => {
  const rows = [
    '',
    '10.0.0',
    '10.0.0.0.1',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.00',
    '10.0.0.',
    '.10.0.0',
    '10..0.1',
    '1.2.3.4 ',
    '+1.2.3.4',
    '0x10.0.0.1',
    '1e1.0.0.1',
    '10.0.0.1/32',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8::',
    ':1::',
    '1:',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::ffff:1.2.3.4',
    '::ffff:102:304',
  ]
  for (const text of rows) {
    test(JSON.stringify(text), () => {
      assert.equal(findIp(text), undefined)
      assert.throws(() => parseIp(text), {
        code: 'INVALID',
        message: `Cannot parse IP address "${text}": want an IPv4 or IPv6 address`,
      })
    })
  }
  test('the other version, where only one will do', () => {
    assert.throws(() => parseIpv4('::1'), { code: 'INVALID' })
    assert.throws(() => parseIpv6('10.0.0.1'), { code: 'INVALID' })
  })
})

describe('addresses are numbers, too', () => {
  const ipv4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n })
  const ipv6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).filter((value) => value >> 32n !== 0xffffn)

  test('property: number to text to number, IPv4', () => {
    fc.assert(fc.property(ipv4, (value) => assert.equal(ipToBigInt(parseIp(ipFromBigInt(value, 4))), value)))
  })
  test('property: number to text to number, IPv6', () => {
    fc.assert(fc.property(ipv6, (value) => assert.equal(ipToBigInt(parseIp(ipFromBigInt(value, 6))), value)))
  })
  test('property: what is accepted prints to something that is accepted and means the same', () => {
    const characters = fc.constantFrom(...'0123456789abcdefABCDEF:.'.split(''), '::', '255', '0')
    fc.assert(
      fc.property(
        fc.array(characters, { minLength: 2, maxLength: 16 }).map((list) => list.join('')),
        (text) => {
          const ip = findIp(text)
          if (ip !== undefined) assert.equal(parseIp(ip), ip)
        },
      ),
      { numRuns: 5000 },
    )
  })
  test('property: the order of numbers', () => {
    fc.assert(
      fc.property(ipv6, ipv6, (a, b) => {
        assert.equal(compareIps(ipFromBigInt(a, 6), ipFromBigInt(b, 6)), a < b ? -1 : a > b ? 1 : 0)
      }),
    )
  })
  test('the next one, across octets and groups', () => {
    assert.equal(nextIp(parseIp('10.0.0.255')), '10.0.1.0')
    assert.equal(nextIp(parseIp('fd00::ffff'), 2n), 'fd00::1:1')
    assert.throws(() => nextIp(parseIp('255.255.255.255')), { code: 'INVALID' })
    assert.throws(() => nextIp(parseIp('::'), -1n), { code: 'INVALID' })
  })
  test('IPv4 comes before IPv6', () => {
    const sorted = ['::1', '10.0.0.2', '9.0.0.1'].map((text) => parseIp(text)).toSorted(compareIps)
    assert.deepEqual(sorted, ['9.0.0.1', '10.0.0.2', '::1'])
    assert.deepEqual(
      sorted.map((ip) => isIpv4(ip)),
      [true, true, false],
    )
  })
})
