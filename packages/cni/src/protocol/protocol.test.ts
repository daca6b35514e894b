import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CalicoError, type ErrorCode } from '@calico-node/core'
import { parseIp, parseIpInterface } from '@calico-node/model'
import { CniError, toCniError } from './error.ts'
import { parseArgs, parseRequest } from './request.ts'
import { parseResult, renderResult, type Result } from './result.ts'
import { CNI_VERSIONS } from './version.ts'

const RESULT: Result = {
  interfaces: [{ name: 'cali1' }, { name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1400, sandbox: '/run/netns/x' }],
  ips: [
    { address: parseIpInterface('10.0.0.2/32'), interface: 1, gateway: parseIp('10.0.0.1') },
    { address: parseIpInterface('fd00::2/128'), interface: 1 },
  ],
  routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  dns: { nameservers: ['10.0.0.53'] },
}

describe('a result', () => {
  test('up to 0.2.0 has one object a family, each with its routes', () => {
    assert.deepEqual(renderResult(RESULT, '0.2.0'), {
      cniVersion: '0.2.0',
      ip4: { ip: '10.0.0.2/32', gateway: '10.0.0.1', routes: [{ dst: '0.0.0.0/0' }] },
      ip6: { ip: 'fd00::2/128', routes: [{ dst: '::/0' }] },
      dns: { nameservers: ['10.0.0.53'] },
    })
  })
  for (const [version, family, mtu] of [
    ['0.3.1', true, false],
    ['0.4.0', true, false],
    ['1.0.0', false, false],
    ['1.1.0', false, true],
  ] as const) {
    test(`of ${version}: ${family ? 'with' : 'without'} families, ${mtu ? 'with' : 'without'} the MTU`, () => {
      const text = JSON.stringify(renderResult(RESULT, version))
      assert.deepEqual([text.includes('"version":"4"'), text.includes('"mtu":1400')], [family, mtu])
    })
  }
  for (const version of CNI_VERSIONS) {
    test(`of ${version} is read back with its addresses and routes`, () => {
      const read = parseResult(JSON.parse(JSON.stringify(renderResult(RESULT, version))), 'test')
      assert.deepEqual(
        read.ips.map(({ address }) => address.text),
        ['10.0.0.2/32', 'fd00::2/128'],
      )
      assert.deepEqual(read.routes, RESULT.routes)
    })
  }
  for (const [what, value] of [
    ['text', 'x'],
    ['a list', []],
    ['no address', { ips: [{ address: 'x' }] }],
    ['an interface without a name', { interfaces: [{}] }],
  ] as const) {
    test(`is refused when it is ${what}`, () => assert.throws(() => parseResult(value, 'test'), { code: 6 }))
  }
})

describe('parseArgs()', () => {
  const accepted: [text: string, pairs: [string, string][]][] = [
    ['', []],
    [
      'IgnoreUnknown=1;K8S_POD_NAME=a',
      [
        ['IgnoreUnknown', '1'],
        ['K8S_POD_NAME', 'a'],
      ],
    ],
    ['A=b=c;', [['A', 'b=c']]],
    ['A=', [['A', '']]],
  ]
  for (const [text, pairs] of accepted) test(`reads "${text}"`, () => assert.deepEqual([...parseArgs(text)], pairs))
  for (const text of ['A', '=b', 'A=1;B'])
    test(`refuses "${text}"`, () => assert.throws(() => parseArgs(text), { code: 4 }))
})

describe('parseRequest()', () => {
  const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_NETNS: '/n', CNI_PATH: '/a::/b' }
  test('reads environment and configuration', () => {
    const { cniVersion, network, path, netns } = parseRequest(env, '{"name":"n"}')
    assert.deepEqual([cniVersion, network, path, netns], ['0.2.0', 'n', ['/a', '/b'], '/n'])
  })
  test('GC and STATUS need no container', () => {
    const { containerId } = parseRequest({ CNI_COMMAND: 'GC' }, '{"name":"n","cniVersion":"1.1.0"}')
    assert.equal(containerId, '')
  })
})

describe('toCniError()', () => {
  const codes: [from: ErrorCode, code: number][] = [
    ['INVALID', 7],
    ['UNSUPPORTED', 7],
    ['STORE_UNAVAILABLE', 11],
    ['AMBIGUOUS', 11],
    ['TIMED_OUT', 11],
    ['CONFLICT', 11],
    ['FORBIDDEN', 100],
    ['EXHAUSTED', 100],
    ['COMMAND_FAILED', 100],
  ]
  for (const [from, code] of codes) {
    test(`${from} is ${code}`, () => assert.equal(toCniError(new CalicoError(from, 'why')).code, code))
  }
  test('one of ours stays, anything else is 100', () => {
    const own = new CniError(4, 'x')
    assert.deepEqual([toCniError(own), toCniError(new Error('y')).code], [own, 100])
  })
})
