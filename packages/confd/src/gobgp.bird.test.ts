/** Another implementation as the peer: Debian's GoBGP, outside the AS, with a password and graceful restart. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { requireOwnNamespace } from '@calico-node/testkit'
import { put, putBlock, putNode, withHosts, type TestHost } from './testing/hosts.ts'

requireOwnNamespace()

const LONG = { deadlineMs: 25_000 }

const goBgpConfig = (own: string, peer: string): string => `[global.config]
as = 65001
router-id = "9.9.9.9"
local-address-list = ["${own}"]
[[neighbors]]
[neighbors.config]
neighbor-address = "${peer}"
peer-as = 64512
auth-password = "sesame"
[neighbors.transport.config]
local-address = "${own}"
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
[neighbors.ebgp-multihop.config]
enabled = true
multihop-ttl = 64
[neighbors.graceful-restart.config]
enabled = true
restart-time = 60
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
[neighbors.afi-safis.mp-graceful-restart.config]
enabled = true
`

interface RibEntry {
  readonly stale: boolean
  readonly attrs: readonly {
    readonly type: number
    readonly communities?: readonly number[]
    readonly as_paths?: readonly { readonly asns: readonly number[] }[]
  }[]
}

/** Runs GoBGP in the namespace of `host`; the client asks for its whole table. */
async function withGoBgp(
  host: TestHost,
  peer: TestHost,
  use: (rib: () => Record<string, RibEntry[]>, add: (...route: string[]) => void) => Promise<void>,
): Promise<void> {
  const config = join(host.directory, 'gobgp.toml')
  writeFileSync(config, goBgpConfig(host.address[4], peer.address[4]))
  const inside = ['--pdeathsig', 'KILL', 'nsenter', `--net=/run/netns/${host.name}`]
  const daemon = spawn('setpriv', [...inside, 'gobgpd', '-f', config], { stdio: 'ignore' })
  const gobgp = (...args: readonly string[]): string =>
    execFileSync('setpriv', [...inside, 'gobgp', ...args], { encoding: 'utf8' })
  try {
    await waitFor('GoBGP', () => gobgp('neighbor') !== '', LONG)
    await use(
      () => JSON.parse(gobgp('global', 'rib', '-j')),
      (...route) => void gobgp('global', 'rib', 'add', ...route),
    )
  } finally {
    const gone = once(daemon, 'exit')
    daemon.kill('SIGKILL')
    await gone
  }
}

test('GoBGP gets exactly the blocks, with AS path and communities, and keeps them through a killed BIRD', () =>
  withHosts(2, async ([node, router], store) => {
    assert.ok(node && router)
    await putNode(store, node)
    await put(store, 'IPPool', 'v4', { cidr: '192.168.0.0/16' })
    await put(store, 'IPPool', 'other', { cidr: '10.5.0.0/16' })
    for (const block of ['192.168.1.0/26', '10.5.0.0/26']) await putBlock(store, node, block)
    await put(store, 'BGPConfiguration', 'default', {
      prefixAdvertisements: [{ cidr: '192.168.0.0/16', communities: ['64512:7'] }],
    })
    const password = { secretKeyRef: { name: 'bgp', key: 'router' } }
    await put(store, 'BGPPeer', 'router', { peerIP: router.address[4], asNumber: 65_001, password })
    mkdirSync(join(node.directory, 'secrets/bgp'))
    writeFileSync(join(node.directory, 'secrets/bgp/router'), 'sesame\n')
    node.startConfd(store)
    await node.startBird(4)
    node.ip('link', 'add', 'cali1', 'type', 'veth', 'peer', 'name', 'w1')
    for (const link of ['cali1', 'w1']) node.ip('link', 'set', link, 'up')
    node.ip('route', 'add', '192.168.1.5', 'dev', 'cali1')

    await withGoBgp(router, node, async (rib, add) => {
      const prefixes = (): string => Object.keys(rib()).toSorted().join()
      await waitFor('the blocks', () => prefixes() === '10.5.0.0/26,192.168.1.0/26', LONG)
      const [entry] = rib()['192.168.1.0/26'] ?? []
      assert.deepEqual(entry?.attrs.find(({ type }) => type === 2)?.as_paths?.[0]?.asns, [64_512])
      assert.deepEqual(entry?.attrs.find(({ type }) => type === 8)?.communities, [64_512 * 65_536 + 7])

      add('10.77.0.0/16')
      await waitFor(
        'the route of the router',
        () => node.routes(4).includes(`10.77.0.0/16 via ${router.address[4]}`),
        LONG,
      )
      await put(store, 'IPPool', 'other', { cidr: '10.5.0.0/16', disableBGPExport: true })
      await waitFor('the pool to vanish', () => prefixes() === '10.77.0.0/16,192.168.1.0/26', LONG)

      await node.birds.get(4)?.stop('SIGKILL')
      const stale = (): boolean | undefined => rib()['192.168.1.0/26']?.[0]?.stale
      await waitFor('the route to be kept as stale', () => stale() === true, LONG)
      assert.ok(node.routes(4).includes('10.77.0.0/16'))
      await node.startBird(4, ['-R'])
      await waitFor('the route to be fresh again', () => stale() === false, LONG)
      assert.ok(node.routes(4).includes('10.77.0.0/16'))
    })
  }))
