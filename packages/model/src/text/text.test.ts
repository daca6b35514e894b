import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { findAsNumber, parseAsNumber } from './as-number.ts'
import { findDuration, parseDuration, printDuration } from './duration.ts'
import {
  areConfusable,
  findInterfaceName,
  findResourceName,
  isDnsLabel,
  parseInterfaceName,
  parseNodeName,
  parseResourceName,
} from './names.ts'
import { findPeerIp, parsePeerIp } from './peer-ip.ts'
import { findEndpointPortName, findPort, findProtocol, hasPorts, portRange, protocolNumber } from './port.ts'

describe('AS numbers', () => {
  const accepted: [value: string | number, number: number][] = [
    [64512, 64512],
    ['64512', 64512],
    ['1.10', 65546],
    ['0.0', 0],
    [0, 0],
    [4_294_967_295, 4_294_967_295],
    ['65535.65535', 4_294_967_295],
  ]
  for (const [value, number] of accepted)
    test(`${JSON.stringify(value)} is ${number}`, () => assert.equal(parseAsNumber(value), number))
  for (const value of [
    -1,
    4_294_967_296,
    1.5,
    Number.NaN,
    '',
    '4294967296',
    '1.65536',
    '1.2.3',
    '01',
    ' 1',
    '1.',
    'AS1',
    '1e3',
  ]) {
    test(`${JSON.stringify(value)} is refused`, () => {
      assert.equal(findAsNumber(value), undefined)
      assert.throws(() => parseAsNumber(value), { code: 'INVALID' })
    })
  }
})

describe('durations', () => {
  const rows: [text: string, ms: number, canonical: string][] = [
    ['0', 0, '0s'],
    ['0s', 0, '0s'],
    ['90s', 90_000, '1m30s'],
    ['15m', 900_000, '15m0s'],
    ['1h', 3_600_000, '1h0m0s'],
    ['1.5h', 5_400_000, '1h30m0s'],
    ['500ms', 500, '500ms'],
    ['1s500ms', 1500, '1.5s'],
    ['250us', 0.25, '250µs'],
    ['250µs', 0.25, '250µs'],
    ['7ns', 0.000_007, '7ns'],
    ['-1m', -60_000, '-1m0s'],
    ['1500us', 1.5, '1.5ms'],
    ['24h', 86_400_000, '24h0m0s'],
  ]
  for (const [text, ms, canonical] of rows) {
    test(`${text} is ${ms} ms and prints ${canonical}`, () => {
      assert.equal(parseDuration(text), ms)
      assert.equal(findDuration(text), canonical)
      assert.equal(findDuration(canonical), canonical)
      assert.equal(printDuration(ms), canonical)
    })
  }
  for (const text of ['', '1', '-', '1d', '1.s', '.5s', 's', '1s ', '1s2', '999999999999h', '1 m']) {
    test(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseDuration(text), { code: 'INVALID' }))
  }
  test('property: whole milliseconds survive printing', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (ms) => assert.equal(parseDuration(printDuration(ms)), ms)),
    )
  })
})

describe('names', () => {
  for (const name of ['a', '0', 'a-b', 'a.b', 'node.host-1', 'x'.repeat(253)]) {
    test(`${name.slice(0, 20)} is a resource name`, () => assert.equal(parseResourceName(name), name))
  }
  for (const name of ['', 'A', 'a_b', '-a', 'a-', '.a', 'a.', 'a..b', 'a.-b', 'a/b', 'ä', 'a b', 'x'.repeat(254)]) {
    test(`${JSON.stringify(name.slice(0, 20))} is none`, () => {
      assert.equal(findResourceName(name), undefined)
      assert.throws(() => parseResourceName(name), { code: 'INVALID' })
    })
  }
  test('host names are trimmed and folded before use', () => {
    assert.equal(parseNodeName(' Rack1-A.Example \n'), 'rack1-a.example')
    assert.throws(() => parseNodeName('rack_1'), { code: 'INVALID' })
  })
  test('names that may be meant for one host', () => {
    assert.deepEqual(
      ['Host1', 'host1.example.com', 'HOST1.lab', 'host10', 'host', 'host1-b.example.com'].map((name) =>
        areConfusable('host1', name),
      ),
      [true, true, true, false, false, false],
    )
  })
  test('a label has no dot and at most 63 characters', () => {
    assert.deepEqual(
      ['a-1', 'a.b', 'x'.repeat(63), 'x'.repeat(64)].map((text) => isDnsLabel(text)),
      [true, false, true, false],
    )
  })
  test('interface names are safe below /proc/sys', () => {
    for (const name of ['eth0', 'cali0123456789a', 'br-1.100', 'A_b']) assert.equal(parseInterfaceName(name), name)
    for (const name of ['', '.', '..', 'all', 'default', 'a/b', 'a b', 'x'.repeat(16), 'eth0\n', 'eth*']) {
      assert.equal(findInterfaceName(name), undefined, JSON.stringify(name))
      assert.throws(() => parseInterfaceName(name), { code: 'INVALID' })
    }
  })
})

describe('ports and protocols', () => {
  const ports: [value: string | number, port: string | number | undefined][] = [
    [80, 80],
    ['80', 80],
    [0, 0],
    [65_535, 65_535],
    ['8000:9000', '8000:9000'],
    ['80:80', 80],
    ['0:1', '0:1'],
    ['http-alt', 'http-alt'],
    ['Odd_name.1', 'Odd_name.1'],
    [-1, undefined],
    [65_536, undefined],
    [1.5, undefined],
    ['65536', undefined],
    ['90:80', undefined],
    ['80:65536', undefined],
    ['80:', undefined],
    ['', undefined],
    ['bad port!', undefined],
    ['x'.repeat(129), undefined],
    ['008:010', '8:10'],
  ]
  for (const [value, port] of ports)
    test(`port ${JSON.stringify(value)} is ${port}`, () => assert.equal(findPort(value), port))

  test('a numeric port has a range, a named one has none', () => {
    const ranges = [80, '8000:9000', 'http'].map((value) => portRange(findPort(value) ?? 0))
    assert.deepEqual(ranges, [{ first: 80, last: 80 }, { first: 8000, last: 9000 }, undefined])
  })

  test('ports of endpoints have stricter names', () => {
    for (const name of ['http', 'h2-c', '1a', 'a'.repeat(15)]) assert.equal(findEndpointPortName(name), name)
    for (const name of ['', '80', 'Http', 'a--b', '-a', 'a-', 'a'.repeat(16), 'a.b', '1-2'])
      assert.equal(findEndpointPortName(name), undefined, name)
  })

  const protocols: [value: string | number, number: number | undefined][] = [
    ['TCP', 6],
    ['UDP', 17],
    ['ICMP', 1],
    ['ICMPv6', 58],
    ['SCTP', 132],
    ['UDPLite', 136],
    [132, 132],
    ['132', 132],
    [1, 1],
    [255, 255],
    [0, undefined],
    [256, undefined],
    ['tcp', undefined],
    ['', undefined],
    ['GRE', undefined],
  ]
  for (const [value, number] of protocols) {
    test(`protocol ${JSON.stringify(value)} has number ${number}`, () => {
      const protocol = findProtocol(value)
      assert.equal(protocol === undefined ? undefined : protocolNumber(protocol), number)
    })
  }
  test('only TCP, UDP and SCTP have ports', () => {
    assert.deepEqual(
      ['TCP', 17, 'SCTP', 'UDPLite', 'ICMP', 4].map((value) => hasPorts(findProtocol(value) ?? 0)),
      [true, true, true, false, false, false],
    )
  })
})

describe('peer addresses', () => {
  const rows: [text: string, canonical: string | undefined][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1:1179', '10.0.0.1:1179'],
    ['FD00::1', 'fd00::1'],
    ['[fd00:0::1]:179', '[fd00::1]:179'],
    ['10.0.0.1:0', undefined],
    ['10.0.0.1:65536', undefined],
    ['10.0.0.1:', undefined],
    ['[10.0.0.1]:179', undefined],
    ['[fd00::1]', undefined],
    ['fd00::1:179x', undefined],
    ['router', undefined],
    ['10.0.0.1/32', undefined],
    ['', undefined],
  ]
  for (const [text, canonical] of rows) test(`${text} is ${canonical}`, () => assert.equal(findPeerIp(text), canonical))
  test('parsePeerIp() takes them apart', () => {
    assert.deepEqual(parsePeerIp('[fd00::1]:179'), { ip: 'fd00::1', port: 179 })
    assert.deepEqual(parsePeerIp('10.0.0.1'), { ip: '10.0.0.1' })
    assert.throws(() => parsePeerIp('nobody'), { code: 'INVALID' })
  })
})
