// What is wrong is named once and clearly, and hurts nothing else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { expectReachable } from '@calico-node/lab'
import { addOpenWorkload, withLab } from '../with-lab.ts'

const count = (text: string, pattern: RegExp): number => text.split('\n').filter((line) => pattern.test(line)).length

test('malformed values in etcd are reported once with key and reason, and treated as missing', async () => {
  await withLab({ hosts: ['host1', 'host2'] }, async (lab, [host1, host2]) => {
    assert.ok(host1 !== undefined && host2 !== undefined)
    const a = await addOpenWorkload(host1, 'a')
    const b = await addOpenWorkload(host2, 'b')
    await expectReachable([{ from: a, to: b }], 30_000)
    const bad = {
      '/calico/resources/v3/projectcalico.org/globalnetworkpolicies/default.broken': '{not json',
      '/calico/resources/v3/projectcalico.org/globalnetworkpolicies/default.selector':
        '{"kind":"GlobalNetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"default.selector"},"spec":{"selector":"a ==","types":["Ingress"]}}',
      '/calico/resources/v3/projectcalico.org/bgppeers/broken':
        '{"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"broken"},"spec":{"peerIP":"10.0.0.999","asNumber":1}}',
      '/calico/resources/v3/projectcalico.org/ippools/broken':
        '{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"broken"},"spec":{"cidr":"not-a-cidr"}}',
    }
    for (const [key, value] of Object.entries(bad)) assert.equal((await lab.etcd.ctl('put', key, value)).code, 0)
    const reports = {
      felix: [/globalnetworkpolicies\/default\.broken/, /globalnetworkpolicies\/default\.selector/, /ippools\/broken/],
      confd: [/bgppeers\/broken|BGPPeer.*broken|broken/],
    }
    for (const [service, patterns] of Object.entries(reports)) {
      for (const pattern of patterns) {
        await waitFor(`${service} to report ${pattern}`, () => count(host1.serviceLog(service), pattern) > 0)
      }
    }
    // The rest goes on: a change elsewhere arrives, and nothing is repeated.
    const before = reports.felix.map((pattern) => count(host1.serviceLog('felix'), pattern))
    const c = await addOpenWorkload(host2, 'c')
    await expectReachable(
      [
        { from: a, to: c },
        { from: a, to: b },
      ],
      30_000,
    )
    await sleep(2000)
    assert.deepEqual(
      reports.felix.map((pattern) => count(host1.serviceLog('felix'), pattern)),
      before,
    )
    assert.deepEqual(before, [1, 1, 1])
  })
})

test('a node whose address another node has ends with one error that names both', async () => {
  await withLab({ hosts: ['host1', 'host2'], start: false }, async (lab, [host1, host2]) => {
    assert.ok(host1 !== undefined && host2 !== undefined)
    await host1.startNode()
    host2.launchNode({ IP: host1.addresses.ipv4 })
    await waitFor('the second node to end', () => !host2.nodeAlive(), { deadlineMs: 20_000 })
    const said = host2.nodeLog()
    const errors: string[] = said
      .split('\n')
      .filter((line) => line.includes(host1.addresses.ipv4) && line.includes('host1') && line.includes('host2'))
    assert.equal(errors.length, 1, said)
    assert.ok(!said.includes('started successfully'))
    assert.equal(await lab.etcd.json('/calico/resources/v3/projectcalico.org/nodes/host2'), undefined)
    assert.deepEqual(await host2.pids('calico-felix'), [])
  })
})

test('unreachable etcd: start-up says so, waits, and goes on when it comes', async () => {
  await withLab({ hosts: ['host1'], start: false }, async (lab, [host]) => {
    assert.ok(host !== undefined)
    await lab.etcd.stop()
    host.launchNode()
    await waitFor(
      'start-up to say that it waits',
      () => /etcd/i.test(host.nodeLog()) && host.nodeLog().includes(lab.etcd.endpoint),
    )
    await sleep(3000)
    assert.ok(host.nodeAlive(), host.nodeLog())
    assert.ok(count(host.nodeLog(), /wait/i) <= 5, `it repeats itself:\n${host.nodeLog()}`)
    await lab.etcd.start()
    await waitFor('the node to start', () => host.nodeLog().includes('Calico node started successfully'), {
      deadlineMs: 30_000,
    })
  })
})

test('a malformed variable is one clear line naming it, and nothing is written', async () => {
  const rows: [variable: string, value: string][] = [
    ['IP', '10.0.0.256'],
    ['IP6', 'fe80::zz'],
    ['AS', '4294967296'],
    ['IP_AUTODETECTION_METHOD', 'guess'],
    ['CALICO_IPV4POOL_CIDR', '10.0.0.0/33'],
    ['CALICO_IPV4POOL_IPIP', 'sometimes'],
    ['CALICO_IPV4POOL_BLOCK_SIZE', '33'],
  ]
  await withLab({ hosts: ['host1'], start: false }, async (lab, [host]) => {
    assert.ok(host !== undefined)
    for (const [variable, value] of rows) {
      host.launchNode({ [variable]: value })
      await waitFor(`the node to end with ${variable}=${value}`, () => !host.nodeAlive(), { deadlineMs: 20_000 })
      const lines: string[] = host
        .nodeLog()
        .split('\n')
        .filter((line) => line.includes(variable) && line.includes(value))
      assert.equal(lines.length, 1, `${variable}=${value}: ${host.nodeLog()}`)
      assert.deepEqual(await lab.etcd.keys('/calico/'), [], `${variable}=${value} left keys behind`)
    }
  })
})
