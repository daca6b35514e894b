/** One host: what an operator changes beside the datastore, and what confd does about configurations that BIRD refuses. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import type { MemoryKvStore } from '@calico-node/datastore'
import { put, putBlock, putNode, withHosts, type TestHost } from './testing/hosts.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const withHost = (use: (host: TestHost, store: MemoryKvStore) => Promise<void>): Promise<void> =>
  withHosts(1, async ([host], store) => {
    assert.ok(host)
    await put(store, 'IPPool', 'v4', { cidr: '192.168.0.0/16' })
    await use(host, store)
  })

const config = (host: TestHost, name = 'bird.cfg'): string => readFileSync(join(host.directory, name), 'utf8')
const configured = (host: TestHost, what: string | RegExp, name?: string): Promise<boolean> =>
  waitFor(`${String(what)} in the configuration`, () =>
    typeof what === 'string' ? config(host, name).includes(what) : what.test(config(host, name)),
  )
const names = async (host: TestHost): Promise<readonly string[]> =>
  (await host.client().protocols()).filter(({ proto }) => proto === 'BGP').map(({ name }) => name)
const runs = (host: TestHost, ...sessions: readonly string[]): Promise<boolean> =>
  waitFor(
    `BIRD to run ${sessions.join()}`,
    async () => (await names(host)).toSorted().join() === sessions.toSorted().join(),
  )
const override = (host: TestHost, name: string, text: string): void => {
  mkdirSync(join(host.directory, 'templates/partials'), { recursive: true })
  writeFileSync(join(host.directory, 'templates', name), text)
}
const peer = (n: number, more: object = {}): object => ({ peerIP: `172.18.0.${n}`, asNumber: 65_001, ...more })

describe('confd', () => {
  test('renders nothing until the node has its address, and then everything', () =>
    withHost(async (host, store) => {
      host.startConfd(store)
      await putBlock(store, host, '192.168.1.0/26')
      await waitFor('the reason', () => host.log.text().includes('node \\"host1\\" is not in the datastore'))
      await put(store, 'Node', host.name, {})
      await waitFor('the next reason', () => host.log.text().includes('has no BGP address yet'))
      assert.throws(() => config(host))
      await putNode(store, host)
      await waitFor('the files', () => config(host) !== '')
      await configured(host, 'route 192.168.1.0/26 blackhole', 'bird_aggr.cfg')
      // and a node that loses its data keeps its configuration
      await store.delete('/calico/resources/v3/projectcalico.org/nodes/host1')
      await waitFor(
        'the reason again',
        () =>
          host.log.lines.filter(({ fields }) => String(fields['reason']).includes('not in the datastore')).length === 4,
      )
      assert.ok(config(host, 'bird_aggr.cfg').includes('192.168.1.0/26'))
    }))

  test("an operator's template replaces the shipped one while it is there; one that is broken is reported and not used", () =>
    withHost(async (host, store) => {
      await putNode(store, host)
      await put(store, 'BGPPeer', 'router', peer(254))
      host.startConfd(store)
      await host.startBird(4)
      await runs(host, 'Global_172_18_0_254')
      override(host, 'partials/hook-peer.hbs', '  hold time 30; # {{name}}\n')
      await configured(host, 'hold time 30; # Global_172_18_0_254')
      override(host, 'partials/hook-peer.hbs', '{{#if}}\n')
      await waitFor('the report', () => /"kind":"Template".*hook-peer\.hbs/.test(host.log.text()))
      await put(store, 'BGPPeer', 'another', peer(253))
      await runs(host, 'Global_172_18_0_254', 'Global_172_18_0_253')
      assert.ok(config(host).includes('hold time 30; # Global_172_18_0_253'), 'the last good template goes on')
      rmSync(join(host.directory, 'templates/partials/hook-peer.hbs'))
      await waitFor('the shipped template', () => !config(host).includes('hold time'))
      await waitFor('the report', () => /Resource mended .*"kind":"Template"/.test(host.log.text()))
    }))

  test('resources that BIRD refuses are found, named and left out until they are mended', () =>
    withHost(async (host, store) => {
      await putNode(store, host)
      override(host, 'partials/hook-peer.hbs', '{{#if ttlHops}}\n  no such option;\n{{/if}}\n')
      for (let n = 10; n < 40; n++) await put(store, 'BGPPeer', `peer${n}`, peer(n))
      host.startConfd(store)
      await host.startBird(4)
      await waitFor('30 sessions', async () => (await names(host)).length === 30)
      for (const n of [17, 33]) await put(store, 'BGPPeer', `peer${n}`, peer(n, { ttlSecurity: 1 }))
      await put(store, 'BGPPeer', 'late', peer(50))
      await waitFor(
        'all but the two',
        async () => (await names(host)).length === 29 && (await names(host)).includes('Global_172_18_0_50'),
      )
      for (const n of [17, 33]) {
        const said = new RegExp(`"name":"peer${n}","reason":"is left out: BIRD refuses`)
        await waitFor(`the report of peer${n}`, () => said.test(host.log.text()))
      }
      const status = () => JSON.parse(config(host, 'confd.json'))
      await waitFor('the status', () => status().daemons.bird === 'running' && status().problems.length === 2)
      assert.deepEqual(
        status().problems.map(({ name }: { name: string }) => name),
        ['peer17', 'peer33'],
      )
      await put(store, 'BGPPeer', 'peer17', peer(17))
      await runs(
        host,
        ...[...Array(30).keys()]
          .map((i) => i + 10)
          .filter((n) => n !== 33)
          .map((n) => `Global_172_18_0_${n}`),
        'Global_172_18_0_50',
      )
      await waitFor('the report', () => /Resource mended .*"name":"peer17"/.test(host.log.text()))
    }))

  test('a template that BIRD refuses whatever the resources are leaves the last good configuration', () =>
    withHost(async (host, store) => {
      await putNode(store, host)
      await put(store, 'BGPPeer', 'router', peer(254))
      host.startConfd(store)
      await host.startBird(4)
      await runs(host, 'Global_172_18_0_254')
      override(host, 'partials/hook-main.hbs', 'no such statement;\n')
      await waitFor('the alarm', () =>
        host.log.text().includes('error Configuration not applied, the last good one stays'),
      )
      assert.ok(!config(host).includes('no such statement'))
      assert.deepEqual(await names(host), ['Global_172_18_0_254'])
      override(host, 'partials/hook-main.hbs', '# fine\n')
      await configured(host, '# fine')
    }))

  test('passwords are read from the mounted directory, again when they change, and never logged', () =>
    withHost(async (host, store) => {
      await putNode(store, host)
      await put(store, 'BGPPeer', 'router', peer(254, { password: { secretKeyRef: { name: 'bgp', key: 'router' } } }))
      host.startConfd(store)
      await host.startBird(4)
      await runs(host, 'Global_172_18_0_254')
      assert.ok(!config(host).includes('password'))
      // as Kubernetes mounts secrets: a link to a directory that is swapped
      const secrets = (name: string): string => join(host.directory, 'secrets', name)
      for (const version of ['1', '2']) {
        mkdirSync(secrets(`..data${version}`))
        writeFileSync(secrets(`..data${version}/router`), `sesame${version}\n`)
      }
      symlinkSync('..data1', secrets('bgp'))
      await configured(host, 'password "sesame1";')
      symlinkSync('..data2', secrets('..new'))
      renameSync(secrets('..new'), secrets('bgp'))
      await configured(host, 'password "sesame2";')
      assert.ok(!host.log.text().includes('sesame'))
    }))

  test('a session that is missing in BIRD comes back with the next audit', () =>
    withHost(async (host, store) => {
      await putNode(store, host)
      await put(store, 'BGPPeer', 'router', peer(254))
      host.startConfd(store, { CALICO_CONFD_AUDIT_INTERVAL: '1' })
      await host.startBird(4)
      await host.startBird(6)
      await runs(host, 'Global_172_18_0_254')
      const good = config(host)
      writeFileSync(join(host.directory, 'bird.cfg'), good.replace(/\nprotocol bgp [^]*$/, '\n'))
      assert.notEqual((await host.client().configure()).kind, 'refused')
      await runs(host, 'Global_172_18_0_254')
      assert.equal(config(host), good)
    }))
})
