/** What a BGPPeer can say of its session, each seen at a router that would not have the session, or the route, without it. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { BirdClient } from '@calico-node/birdc'
import { waitFor } from '@calico-node/core'
import type { MemoryKvStore } from '@calico-node/datastore'
import { requireOwnNamespace } from '@calico-node/testkit'
import { put, putBlock, putNode, withHosts, type TestHost } from './testing/hosts.ts'
import { startRouter, type RouterOptions } from './testing/router.ts'

requireOwnNamespace()

const LONG = { deadlineMs: 25_000 }
const NODE_PORT = 1790

interface Party {
  readonly spec: object
  readonly router: Partial<RouterOptions>
}

/** What is said of the session with each router, and what the router demands. The numbers are those of the hosts. */
const PARTIES: Readonly<Record<number, Party>> = {
  2: {
    spec: { asNumber: 65_002, ttlSecurity: 1 },
    router: {
      session: 'ttl security on; multihop 1;',
      routes: 'route 10.67.0.0/16 blackhole; route 10.65.0.0/16 blackhole;',
      exporting: 'if net = 10.65.0.0/16 then bgp_path.prepend(64512);',
    },
  },
  3: { spec: { asNumber: 65_003, localASNumber: 64_999 }, router: { neighborAs: 64_999 } },
  4: { spec: { peerIP: '172.19.0.4', asNumber: 65_004, sourceAddress: 'None' }, router: { neighbor: '172.19.0.1' } },
  5: {
    spec: { peerIP: '10.250.0.5', asNumber: 65_005, reachableBy: '172.18.0.5' },
    router: { session: 'source address 10.250.0.5;' },
  },
  6: {
    spec: { asNumber: 65_006, numAllowedLocalASNumbers: 1 },
    router: { routes: 'route 10.66.0.0/16 blackhole;', exporting: 'bgp_path.prepend(64512);' },
  },
  7: {
    spec: { peerIP: '172.18.0.7:1791', asNumber: 65_007 },
    router: { global: 'listen bgp port 1791;', neighbor: `172.18.0.1 port ${NODE_PORT}`, session: 'passive on;' },
  },
  8: {
    spec: { asNumber: 64_512, nextHopMode: 'Self', keepaliveTime: '2s' },
    router: { asNumber: 64_512, routes: 'route 10.88.0.0/16 blackhole;' },
  },
  9: { spec: { asNumber: 64_512 }, router: { asNumber: 64_512 } },
  10: { spec: { asNumber: 65_010, keepOriginalNextHop: true }, router: {} },
  11: { spec: { asNumber: 65_011, nextHopMode: 'Keep' }, router: {} },
}

async function configure(store: MemoryKvStore, node: TestHost): Promise<void> {
  await putNode(store, node)
  await put(store, 'IPPool', 'pool', { cidr: '10.64.0.0/10' })
  await put(store, 'BGPConfiguration', 'default', { listenPort: NODE_PORT, bindMode: 'NodeIP' })
  for (const [number, { spec }] of Object.entries(PARTIES)) {
    await put(store, 'BGPPeer', `peer${number}`, { peerIP: `172.18.0.${number}`, ...spec })
  }
}

/** The next hop of a route at a router, as BGP told it. */
const nextHop = async (router: BirdClient | undefined, prefix: string): Promise<string | undefined> => {
  const replies = (await router?.query(`show route all ${prefix} protocol node`)) ?? []
  return /BGP\.next_hop: (\S+)/.exec(replies.map(({ text }) => text).join('\n'))?.[1]
}

describe('a BGPPeer', () => {
  test('with each of its options has the session that the other end demands', () =>
    withHosts(11, async (hosts, store) => {
      const [node] = hosts
      assert.ok(node)
      node.ip('addr', 'add', '172.19.0.1/24', 'dev', 'eth0')
      hosts[3]?.ip('addr', 'add', '172.19.0.4/24', 'dev', 'eth0')
      hosts[4]?.ip('addr', 'add', '10.250.0.5/32', 'dev', 'lo')
      await configure(store, node)
      const routers = new Map<number, BirdClient>()
      for (const [number, { router }] of Object.entries(PARTIES).map(([key, party]) => [Number(key), party] as const)) {
        const host = hosts[number - 1]
        assert.ok(host)
        const options = { asNumber: 65_000 + number, neighbor: node.address[4], ...router }
        routers.set(number, await startRouter(host, options))
      }
      node.startConfd(store)
      await node.startBird(4)
      await node.established(4, routers.size)

      const listens = (): string => node.run('ss', '-Hltn')
      assert.match(listens(), new RegExp(` 172\\.18\\.0\\.1:${NODE_PORT} `), 'bindMode and listenPort')
      assert.doesNotMatch(listens(), /:179 /)
      const { bgp } = (await node.client().protocolDetails('Global_172_18_0_8'))[0] ?? {}
      assert.ok(bgp?.session.includes('internal'))
      const timers = (await node.client().query('show protocols all Global_172_18_0_8'))
        .map(({ text }) => text)
        .join('\n')
      assert.match(timers, /Keepalive timer:\s+\d\/2$/m)

      const hop = (at: number, prefix: string, address: string): Promise<boolean> =>
        waitFor(
          `${prefix} at ${at} via ${address}`,
          async () => (await nextHop(routers.get(at), prefix)) === address,
          LONG,
        )
      await hop(8, '10.67.0.0/16', '172.18.0.1') // Self
      await hop(9, '10.67.0.0/16', '172.18.0.2') // as it is inside the AS
      await hop(2, '10.88.0.0/16', '172.18.0.1') // as it is outside
      for (const keeping of [10, 11]) await hop(keeping, '10.88.0.0/16', '172.18.0.8')
      assert.ok(node.routes().includes('10.66.0.0/16 via 172.18.0.6'), 'its own AS in the path is allowed once')
      assert.ok(node.routes().includes('10.67.0.0/16 via 172.18.0.2'))
      assert.ok(!node.routes().includes('10.65.0.0/16'), 'and not where nobody said so')
    }))
})

describe('BFD, by the hooks that templates/README.md shows', () => {
  test('ends a session with a router that vanishes without a word, long before its hold time', () =>
    withHosts(2, async ([one, two], store) => {
      assert.ok(one && two)
      const readme = readFileSync(join(import.meta.dirname, '../../../templates/README.md'), 'utf8')
      const hooks = [...readme.matchAll(/```\n\{\{! (partials\/\S+) \}\}\n([^]*?)```/g)]
      for (const [host, asNumber] of [[one, 65_001] as const, [two, 65_002] as const]) {
        await putNode(store, host, { asNumber })
        mkdirSync(join(host.directory, 'templates/partials'))
        for (const [, name = '', text = ''] of hooks) writeFileSync(join(host.directory, 'templates', name), text)
        host.startConfd(store)
      }
      await Promise.all([one, two].map((host) => host.startBird(4)))
      await Promise.all([one, two].map((host) => host.established(4)))
      const bfd = async (): Promise<string> =>
        (await one.client().query('show bfd sessions')).map(({ text }) => text).join('\n')
      await waitFor('BFD', async () => /^172\.18\.0\.2\s.*\sUp\s/m.test(await bfd()), LONG)
      two.ip('link', 'set', 'eth0', 'down')
      const lost = async (): Promise<boolean> => {
        const [session] = await one.client().protocolDetails('Mesh_172_18_0_2')
        return session?.bgp?.lastError?.endsWith('BFD session down') === true
      }
      await waitFor('the end of the session', lost, LONG)
    }))
})

describe('nodes that have only IPv6', () => {
  test('peer with a password and a filter, and have their blocks in the kernel', () =>
    withHosts(2, async ([one, two], store) => {
      assert.ok(one && two)
      for (const { name, address } of [one, two])
        await put(store, 'Node', name, { bgp: { ipv6Address: `${address[6]}/64` } })
      await put(store, 'IPPool', 'v6', { cidr: 'fd80::/32' })
      for (const block of ['fd80:0:1::/122', 'fd80:0:2::/122']) await putBlock(store, one, block)
      await put(store, 'BGPFilter', 'f', {
        exportV6: [{ cidr: 'fd80:0:2::/122', matchOperator: 'Equal', action: 'Reject' }],
      })
      const password = { secretKeyRef: { name: 'bgp', key: 'all' } }
      await put(store, 'BGPPeer', 'all', { nodeSelector: 'all()', peerSelector: 'all()', password, filters: ['f'] })
      for (const host of [one, two]) {
        mkdirSync(join(host.directory, 'secrets/bgp'))
        writeFileSync(join(host.directory, 'secrets/bgp/all'), 'sesame')
        host.startConfd(store)
      }
      // BIRD for IPv4 runs as well, has a router id, and nobody to talk to
      await Promise.all([one, two].flatMap((host) => [host.startBird(4), host.startBird(6)]))
      await Promise.all([one, two].map((host) => host.established(6)))
      await waitFor('the block', () => /^fd80:0:1::\/122 via fd00::1 .* proto bird/m.test(two.routes(6)), LONG)
      assert.ok(!two.routes(6).includes('fd80:0:2::'))
      await put(store, 'BGPFilter', 'f', {})
      await waitFor('what the filter kept back', () => two.routes(6).includes('fd80:0:2::/122 via fd00::1'), LONG)
      assert.deepEqual(
        (await one.client(4).protocols()).filter(({ proto }) => proto === 'BGP'),
        [],
      )
    }))
})
