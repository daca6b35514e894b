/** Another implementation as the peer: Debian's FRR, inside the AS, with a password, communities and graceful restart. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { Frr, requireOwnNamespace } from '@calico-node/testkit'
import { z } from 'zod'
import { put, putBlock, putNode, withHosts, type TestHost } from './testing/hosts.ts'

requireOwnNamespace()

const LONG = { deadlineMs: 25_000 }

const configuration = (own: string, peer: string): string => `
router bgp 64512
 bgp router-id 9.9.9.9
 bgp graceful-restart
 neighbor ${peer} remote-as 64512
 neighbor ${peer} password sesame
 neighbor ${peer} timers connect 1
 neighbor ${peer} update-source ${own}
 address-family ipv4 unicast
  network 10.77.0.0/16 route-map tagged
  network 10.78.0.0/16
 exit-address-family
route-map tagged permit 10
 set community 64512:99
`

const PathSchema = z.looseObject({
  paths: z.array(
    z.looseObject({
      stale: z.boolean().optional(),
      locPrf: z.number().optional(),
      community: z.object({ list: z.array(z.string()) }).optional(),
      nexthops: z.array(z.looseObject({ ip: z.string() })),
    }),
  ),
})

async function withFrr(router: TestHost, node: TestHost, use: (frr: Frr) => Promise<void>): Promise<void> {
  const frr = await Frr.start({
    zebra: '',
    bgpd: configuration(router.address[4], node.address[4]),
    enter: (argv) => ['nsenter', `--net=/run/netns/${router.name}`, ...argv],
  })
  try {
    await use(frr)
  } finally {
    await frr.stop()
  }
}

test('FRR gets the blocks with communities, gives its routes, and keeps ours through a killed BIRD', () =>
  withHosts(2, async ([node, router], store) => {
    assert.ok(node && router)
    await putNode(store, node)
    await put(store, 'IPPool', 'v4', { cidr: '192.168.0.0/16' })
    await putBlock(store, node, '192.168.1.0/26')
    await put(store, 'BGPConfiguration', 'default', {
      prefixAdvertisements: [{ cidr: '192.168.0.0/16', communities: ['64512:7'] }],
    })
    await put(store, 'BGPFilter', 'tagged-only', {
      importV4: [{ communities: { values: ['64512:99'] }, action: 'Accept' }, { action: 'Reject' }],
    })
    const password = { secretKeyRef: { name: 'bgp', key: 'router' } }
    const spec = { peerIP: router.address[4], asNumber: 64_512, password, filters: ['tagged-only'] }
    await put(store, 'BGPPeer', 'router', spec)
    mkdirSync(join(node.directory, 'secrets/bgp'))
    writeFileSync(join(node.directory, 'secrets/bgp/router'), 'sesame\n')
    node.startConfd(store)
    await node.startBird(4)
    node.ip('link', 'add', 'cali1', 'type', 'veth', 'peer', 'name', 'w1')
    for (const link of ['cali1', 'w1']) node.ip('link', 'set', link, 'up')
    node.ip('route', 'add', '192.168.1.5', 'dev', 'cali1')
    for (const route of ['10.77.0.0/16', '10.78.0.0/16']) router.ip('route', 'add', 'blackhole', route)

    await withFrr(router, node, async (frr) => {
      const block = () => PathSchema.safeParse(frr.show('bgp ipv4 unicast 192.168.1.0/26')).data?.paths[0]
      await waitFor('the block', () => block() !== undefined, LONG)
      assert.deepEqual(block()?.community?.list, ['64512:7'])
      assert.deepEqual(
        block()?.nexthops.map(({ ip }) => ip),
        [node.address[4]],
      )
      assert.equal(block()?.locPrf, 2 ** 31 - 1 - 1024)
      // in the kernel of the router, through zebra
      const inKernel = (): boolean => /^192\.168\.1\.0\/26 .*via 172\.18\.0\.1 /m.test(router.routes(4))
      const learnt = (): boolean => node.routes(4).includes(`10.77.0.0/16 via ${router.address[4]}`)
      await waitFor('the block in the kernel', inKernel, LONG)
      const single = z
        .looseObject({ paths: z.array(z.unknown()) })
        .safeParse(frr.show('bgp ipv4 unicast 192.168.1.5/32'))
      assert.equal(single.success, false, 'addresses inside a block stay at home')
      await waitFor('the route of FRR', learnt, LONG)
      assert.ok(!node.routes(4).includes('10.78.0.0/16'), 'what lacks the community does not pass the filter')

      await node.birds.get(4)?.stop('SIGKILL')
      await waitFor('the route to be kept as stale', () => block()?.stale === true, LONG)
      assert.deepEqual([inKernel(), learnt()], [true, true])
      await node.startBird(4, ['-R'])
      await waitFor('the route to be fresh again', () => block() !== undefined && block()?.stale !== true, LONG)
      assert.ok(inKernel())
      // FRR says End-of-RIB before it sends its first routes, so this one may be away for a moment.
      await waitFor('the route of FRR again', learnt, LONG)

      await node.birds.get(4)?.stop('SIGTERM')
      await waitFor('an orderly end to withdraw', () => block() === undefined && !inKernel(), LONG)
    })
  }))
