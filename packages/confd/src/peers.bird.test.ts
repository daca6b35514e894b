/** Explicit peers on real BIRDs: reflectors, and a router outside the cluster with a configuration written by hand. */
import assert from 'node:assert/strict'
import { writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { BirdClient } from '@calico-node/birdc'
import { waitFor } from '@calico-node/core'
import type { MemoryKvStore } from '@calico-node/datastore'
import { startBird, requireOwnNamespace } from '@calico-node/testkit'
import { put, putBlock, putNode, withHosts, type TestHost } from './testing/hosts.ts'

requireOwnNamespace()

const LONG = { deadlineMs: 25_000 }
const has = (host: TestHost, route: string): Promise<boolean> =>
  waitFor(`${route} on ${host.name}`, () => host.routes(4).includes(route), LONG)
const start = (host: TestHost, store: MemoryKvStore, env = {}): Promise<unknown> => {
  host.startConfd(store, env)
  return host.startBird(4)
}

describe('route reflectors', () => {
  test('two of them, by selector, without a mesh: routes pass unchanged, and one may die', () =>
    withHosts(4, async (hosts, store) => {
      const [r1, r2, a, b] = hosts
      assert.ok(r1 && r2 && a && b)
      await put(store, 'BGPConfiguration', 'default', { nodeToNodeMeshEnabled: false })
      await put(store, 'IPPool', 'v4', { cidr: '192.168.0.0/16' })
      for (const reflector of [r1, r2])
        await putNode(store, reflector, { routeReflectorClusterID: '10.9.9.9' }, { reflector: 'yes' })
      for (const client of [a, b]) await putNode(store, client)
      await put(store, 'BGPPeer', 'to-reflectors', { nodeSelector: '!has(reflector)', peerSelector: 'has(reflector)' })
      await put(store, 'BGPPeer', 'among-reflectors', {
        nodeSelector: 'has(reflector)',
        peerSelector: 'has(reflector)',
      })
      await putBlock(store, a, '192.168.1.0/26')
      await Promise.all(hosts.map((host) => start(host, store)))
      await has(b, '192.168.1.0/26 via 172.18.0.3 dev eth0 proto bird metric 1024')
      const from = async (reflector: TestHost): Promise<boolean> => {
        const protocol = `Node_${reflector.address[4].replaceAll('.', '_')}`
        return (await b.client(4).routes(`protocol ${protocol}`)).some(({ prefix }) => prefix === '192.168.1.0/26')
      }
      for (const reflector of [r1, r2]) await waitFor(`the route from ${reflector.name}`, () => from(reflector), LONG)
      await r1.birds.get(4)?.stop('SIGTERM')
      await b.established(4, 1)
      assert.ok(b.routes(4).includes('192.168.1.0/26 via 172.18.0.3'))
      await putBlock(store, a, '192.168.2.0/26')
      await has(b, '192.168.2.0/26 via 172.18.0.3')
    }))
})

/** Starts BIRD in the namespace of the last host as a router of AS 65001 that peers with the first. */
async function startRouter(router: TestHost, node: TestHost, password: string): Promise<BirdClient> {
  const config = `router id 9.9.9.9;
protocol device { scan time 2; }
protocol direct { }
protocol static { route 10.77.0.0/16 blackhole; route 10.78.0.0/16 blackhole; }
protocol bgp node { local as 65001; neighbor ${node.address[4]} as 64512; multihop; source address ${router.address[4]};
  password "${password}"; connect delay time 1; connect retry time 1; import all; export where source = RTS_STATIC; }
`
  router.birds.set(4, await startBird({ dir: router.directory, config, netns: router.name }))
  return router.client(4)
}

describe('a router outside the cluster', () => {
  test('gets the blocks and what a filter lets pass, with communities, and only with the right password', () =>
    withHosts(2, async ([node, router], store) => {
      assert.ok(node && router)
      await putNode(store, node)
      await put(store, 'IPPool', 'v4', { cidr: '192.168.0.0/16' })
      await put(store, 'IPPool', 'private', { cidr: '10.5.0.0/16', disableBGPExport: true })
      for (const block of ['192.168.1.0/26', '192.168.2.0/26', '10.5.0.0/26']) await putBlock(store, node, block)
      await put(store, 'BGPConfiguration', 'default', {
        prefixAdvertisements: [{ cidr: '192.168.0.0/16', communities: ['64512:7', '64512:1:2'] }],
      })
      const spec = {
        peerIP: router.address[4],
        asNumber: 65_001,
        password: { secretKeyRef: { name: 'bgp', key: 'router' } },
      }
      await put(store, 'BGPPeer', 'router', spec)
      const secret = (text: string): void => {
        mkdirSync(join(node.directory, 'secrets/bgp'), { recursive: true })
        writeFileSync(join(node.directory, 'secrets/bgp/router'), text)
      }
      secret('wrong')
      await start(node, store)
      const seen = await startRouter(router, node, 'sesame')
      const got = async (): Promise<readonly string[]> =>
        (await seen.routes('protocol node')).map(({ prefix }) => prefix).toSorted()
      await waitFor('the router to try', async () => (await seen.protocolDetails('node'))[0]?.bgp?.state === 'Connect')
      assert.notEqual((await seen.protocols()).find(({ name }) => name === 'node')?.info, 'Established')
      secret('sesame')
      await node.established(4)

      await waitFor('the blocks', async () => (await got()).join() === '192.168.1.0/26,192.168.2.0/26', LONG)
      const all = (await seen.query('show route all 192.168.1.0/26')).map(({ text }) => text).join('\n')
      assert.match(all, /BGP\.as_path: 64512\n/)
      assert.match(all, /BGP\.community: \(64512,7\)/)
      assert.match(all, /BGP\.large_community: \(64512, 1, 2\)/)
      await has(node, '10.77.0.0/16 via 172.18.0.2')

      // a filter, live, in both directions, without touching the session
      const up = (await seen.protocols()).find(({ name }) => name === 'node')?.since
      await put(store, 'BGPFilter', 'some', {
        exportV4: [
          { cidr: '192.168.1.0/26', matchOperator: 'Equal', action: 'Reject' },
          {
            cidr: '192.168.2.0/26',
            matchOperator: 'In',
            action: 'Accept',
            operations: [{ prependASPath: { prefix: [64_512, 64_513] } }, { addCommunity: { value: '64512:9' } }],
          },
        ],
        importV4: [{ cidr: '10.78.0.0/16', matchOperator: 'Equal', action: 'Reject' }],
      })
      await put(store, 'BGPPeer', 'router', { ...spec, filters: ['some'] })
      await waitFor('the filtered blocks', async () => (await got()).join() === '192.168.2.0/26', LONG)
      const filtered = (await seen.query('show route all 192.168.2.0/26')).map(({ text }) => text).join('\n')
      assert.match(filtered, /BGP\.as_path: 64512 64513 64512\n/)
      assert.match(filtered, /BGP\.community: \(64512,9\)/)
      await waitFor(
        'the import filter',
        () => !node.routes(4).includes('10.78.0.0/16') && node.routes(4).includes('10.77.0.0/16'),
        LONG,
      )
      // a filter that cannot be read closes the door
      await store.put('/calico/resources/v3/projectcalico.org/bgpfilters/some', '{')
      await waitFor('nothing', async () => (await got()).length === 0, LONG)
      await waitFor('nothing back', () => !node.routes(4).includes('10.77.0.0/16'), LONG)
      assert.equal((await seen.protocols()).find(({ name }) => name === 'node')?.since, up)
    }))
})

describe('graceful restart', () => {
  test('a node that restarts while a mesh peer is dead has new routes of the others within the wait', () =>
    withHosts(3, async (hosts, store) => {
      const [one, two, dead] = hosts
      assert.ok(one && two && dead)
      for (const host of hosts) await putNode(store, host)
      await put(store, 'IPPool', 'v4', { cidr: '192.168.0.0/16' })
      await putBlock(store, two, '192.168.1.0/26')
      for (const host of [one, two]) await start(host, store, { CALICO_BGP_GRACEFUL_RESTART_WAIT: '4' })
      await has(one, '192.168.1.0/26 via 172.18.0.2')
      await one.birds.get(4)?.stop('SIGKILL')
      await putBlock(store, two, '192.168.2.0/26')
      const started = performance.now()
      await one.startBird(4, ['-R'])
      await has(one, '192.168.2.0/26 via 172.18.0.2')
      assert.ok(performance.now() - started < 12_000, 'not held back by the dead peer')
      assert.ok(one.routes(4).includes('192.168.1.0/26 via 172.18.0.2'))
    }))
})
