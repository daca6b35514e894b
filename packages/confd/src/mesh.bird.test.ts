/** Two hosts on real BIRDs in namespaces, configured through the datastore alone. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import type { MemoryKvStore } from '@calico-node/datastore'
import { affinityKey, parseCidr } from '@calico-node/model'
import { put, putBlock, putNode, withHosts, type TestHost } from './testing/hosts.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const POOL6 = 'fd80:24e2:f998:72d6::/64'

/** Two hosts in the default mesh; host1 has a block of each family. */
async function withMesh(use: (one: TestHost, two: TestHost, store: MemoryKvStore) => Promise<void>): Promise<void> {
  await withHosts(2, async ([one, two], store) => {
    assert.ok(one && two)
    for (const host of [one, two]) await putNode(store, host)
    await put(store, 'IPPool', 'v4', { cidr: '192.168.0.0/16' })
    await put(store, 'IPPool', 'v6', { cidr: POOL6 })
    await putBlock(store, one, '192.168.1.0/26')
    await putBlock(store, one, 'fd80:24e2:f998:72d6::40/122')
    for (const host of [one, two]) host.startConfd(store)
    await Promise.all([one, two].flatMap((host) => [host.startBird(4), host.startBird(6)]))
    await Promise.all([one, two].flatMap((host) => [host.established(4), host.established(6)]))
    await use(one, two, store)
  })
}

/** The mesh sessions with the time of their last change. */
const since = async (host: TestHost): Promise<readonly string[]> =>
  (await host.client().protocols())
    .filter(({ name }) => name.startsWith('Mesh_'))
    .map((row) => `${row.name} ${row.since} ${row.info}`)

const lastReconfiguration = async (host: TestHost): Promise<string> =>
  (await host.client().status()).lastReconfiguration

describe('a mesh of two', () => {
  test('routes cross in both families, aggregated, with the priority as metric', () =>
    withMesh(async (one, two) => {
      const v4 = /^192\.168\.1\.0\/26 via 172\.18\.0\.1 dev eth0 proto bird metric 1024/m
      const v6 = /^fd80:24e2:f998:72d6::40\/122 via fd00::1 dev eth0 proto bird metric 1024/m
      await waitFor('the IPv4 block', () => v4.test(two.routes(4)), { deadlineMs: 20_000 })
      await waitFor('the IPv6 block', () => v6.test(two.routes(6)), { deadlineMs: 20_000 })
      assert.match(one.routes(4), /^blackhole 192\.168\.1\.0\/26 proto bird/m)

      // a workload's own route stays at home, a borrowed address goes out by itself
      one.ip('link', 'add', 'cali1', 'type', 'veth', 'peer', 'name', 'w1')
      for (const link of ['cali1', 'w1']) one.ip('link', 'set', link, 'up')
      for (const address of ['192.168.1.5', '192.168.77.5'])
        one.ip('route', 'add', address, 'dev', 'cali1', 'scope', 'link')
      await waitFor('the borrowed address', () => two.routes(4).includes('192.168.77.5 via 172.18.0.1'), {
        deadlineMs: 20_000,
      })
      assert.ok(!two.routes(4).includes('192.168.1.5'))
      assert.equal((await one.client().protocolDetails('Mesh_172_18_0_2'))[0]?.bgp?.neighborAs, 64_512)
    }))

  test('addresses go out alone or in their block, as the block comes and goes under them, and the sessions stay', () =>
    withMesh(async (one, two, store) => {
      one.ip('link', 'add', 'cali1', 'type', 'veth', 'peer', 'name', 'w1')
      for (const link of ['cali1', 'w1']) one.ip('link', 'set', link, 'up')
      one.ip('route', 'add', '192.168.9.5', 'dev', 'cali1', 'scope', 'link')
      one.ip('route', 'add', '192.168.9.6', 'dev', 'cali1', 'scope', 'link', 'metric', '512')
      const far = async (what: string, wanted: readonly string[]): Promise<unknown> =>
        waitFor(what, () => {
          const found = [...two.routes(4).matchAll(/^(192\.168\.9\.\S+) via 172\.18\.0\.1 /gm)].map(
            ([, prefix = '']) => prefix,
          )
          return found.toSorted().join() === wanted.join()
        })
      await far('single addresses', ['192.168.9.5', '192.168.9.6'])
      const before = await since(one)
      await putBlock(store, one, '192.168.9.0/26')
      await far('the block, and what is in a hurry', ['192.168.9.0/26', '192.168.9.6'])
      await store.delete(affinityKey(one.name, parseCidr('192.168.9.0/26')))
      await far('single addresses again', ['192.168.9.5', '192.168.9.6'])
      assert.deepEqual(await since(one), before)
    }))

  test('changes leave the sessions alone, and a render without a change leaves BIRD alone', () =>
    withMesh(async (one, two, store) => {
      const before = await since(one)
      await put(store, 'BGPFilter', 'f', { exportV4: [{ action: 'Reject' }] })
      await put(store, 'BGPPeer', 'router', { peerIP: '172.18.0.254', asNumber: 65_001, filters: ['f'] })
      await put(store, 'IPPool', 'other', { cidr: '10.1.0.0/16', vxlanMode: 'Always' })
      await put(store, 'BGPConfiguration', 'default', { logSeverityScreen: 'Debug' })
      await waitFor('the new peer', async () =>
        (await one.client().protocols()).some(({ name }) => name === 'Global_172_18_0_254'),
      )
      await waitFor('debug in the file', () =>
        readFileSync(join(one.directory, 'bird.cfg'), 'utf8').includes('debug all'),
      )
      await store.delete('/calico/resources/v3/projectcalico.org/bgppeers/router')
      await waitFor('the peer to go', async () =>
        (await one.client().protocols()).every(({ name }) => name !== 'Global_172_18_0_254'),
      )
      assert.deepEqual(await since(one), before)
      await two.established(4)

      const [file, told] = [join(one.directory, 'bird.cfg'), await lastReconfiguration(one)]
      const written = statSync(file).mtimeMs
      await putNode(store, two, {}, { unrelated: 'label' })
      const seen = one.log.lines.length
      await put(store, 'BGPPeer', 'broken-on-purpose', { peerIP: '224.0.0.1', asNumber: 1 }) // changes no file, but is reported
      await waitFor('the report', () =>
        one.log.lines.slice(seen).some(({ fields }) => fields['name'] === 'broken-on-purpose'),
      )
      assert.equal(statSync(file).mtimeMs, written)
      assert.equal(await lastReconfiguration(one), told)
    }))

  test('SIGKILL of BIRD keeps the routes everywhere, and the restart causes no route event', () =>
    withMesh(async (one, two) => {
      await waitFor('the block', () => two.routes(4).includes('192.168.1.0/26'), { deadlineMs: 20_000 })
      const monitor = spawn('ip', ['-4', '-n', two.name, 'monitor', 'route'], { stdio: ['ignore', 'pipe', 'inherit'] })
      let events = ''
      monitor.stdout.setEncoding('utf8').on('data', (text: string) => (events += text))
      try {
        await one.birds.get(4)?.stop('SIGKILL')
        await waitFor('the session to be lost', async () =>
          (await two.client().protocols()).every(({ info }) => info !== 'Established'),
        )
        assert.ok(two.routes(4).includes('192.168.1.0/26'))
        assert.ok(one.routes(4).includes('blackhole 192.168.1.0/26'))
        await one.startBird(4, ['-R'])
        await one.established(4)
        await waitFor('the end of the graceful restart', async () => !(await one.client().status()).gracefulRestart, {
          deadlineMs: 35_000,
        })
        await two.established(4)
        assert.equal(events, '')
        await one.birds.get(4)?.stop('SIGTERM') // the control: a polite end does withdraw, and the monitor shows it
        await waitFor('the withdrawal', () => events.includes('Deleted 192.168.1.0/26'))
      } finally {
        monitor.kill()
      }
    }))

  test('a mistake is reported and stops nothing', () =>
    withMesh(async (one, two, store) => {
      const before = await since(one)
      const raw = (kind: string, name: string, spec: unknown): string =>
        JSON.stringify({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec })
      await store.put(
        '/calico/resources/v3/projectcalico.org/bgppeers/bad',
        raw('BGPPeer', 'bad', { peerIP: '1.2.3.4; disable all', asNumber: 1 }),
      )
      await store.put('/calico/resources/v3/projectcalico.org/bgpfilters/bad', '{')
      await put(store, 'BGPPeer', 'good', { peerIP: '172.18.0.254', asNumber: 65_001 })
      await waitFor('the good peer', async () =>
        (await one.client().protocols()).some(({ name }) => name === 'Global_172_18_0_254'),
      )
      assert.equal(
        one.log.lines.filter(({ fields }) => fields['name'] === 'bad' && fields['kind'] === 'BGPPeer').length,
        1,
      )
      assert.deepEqual(await since(one), before)
      await two.established(4)
      await put(store, 'BGPPeer', 'bad', { peerIP: '172.18.0.253', asNumber: 65_001 })
      await waitFor('the mended peer', async () =>
        (await one.client().protocols()).some(({ name }) => name === 'Global_172_18_0_253'),
      )
      await waitFor('the report', () => one.log.text().includes('Resource mended'))
    }))

  test('routes of encapsulated pools stay out of the kernel', () =>
    withMesh(async (one, two, store) => {
      await put(store, 'IPPool', 'vxlan', { cidr: '10.1.0.0/16', vxlanMode: 'Always' })
      await putBlock(store, one, '10.1.1.0/26')
      await waitFor(
        'the route in BIRD',
        async () => (await two.client().routes()).some(({ prefix }) => prefix === '10.1.1.0/26'),
        { deadlineMs: 20_000 },
      )
      assert.ok(!two.routes(4).includes('10.1.1.0/26'))
      assert.ok(!one.routes(4).includes('10.1.1.0/26'))
    }))
})
