import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LogFields, type Logger, quietLogger, waitFor } from '@calico-node/core'
import { CalicoClient, openEtcd } from '@calico-node/datastore'
import { Ipam, tunnelHandle } from '@calico-node/ipam'
import { makeResource, parseIp, parseNodeName, type NodeResource, type SpecInput } from '@calico-node/model'
import { type TestEtcd, withEtcd } from '@calico-node/testkit'
import { resolveConfig } from './params.ts'
import { runServices } from './services.ts'
import { tunnelAddresses } from './tunnel-addresses.ts'

const node = parseNodeName('host1')

interface Scene {
  readonly etcd: TestEtcd
  readonly client: CalicoClient
  readonly lines: string[]
  readonly pool: (name: string, spec: SpecInput<'IPPool'>) => Promise<void>
  readonly node: () => Promise<NodeResource>
}

/** The service beside a node that exists, with addresses to give but no tunnel yet. */
async function withService(play: (scene: Scene) => Promise<void>): Promise<void> {
  await withEtcd({}, async (etcd) => {
    const lines: string[] = []
    const note = (message: string, fields: LogFields = {}): void => {
      lines.push(`${message}${fields['err'] instanceof Error ? `: ${fields['err'].message}` : ''}`)
    }
    const log: Logger = { ...quietLogger, warn: note, info: note, child: () => log }
    const store = openEtcd({ endpoints: etcd.urls, timeoutMs: 2000 }, quietLogger)
    const client = new CalicoClient(store)
    const stop = new AbortController()
    await client
      .resources('Node')
      .create(makeResource('Node', { name: node }, { bgp: { ipv4Address: '192.0.2.1/24' } }))
    const pool = async (name: string, spec: SpecInput<'IPPool'>): Promise<void> =>
      void (await client.resources('IPPool').apply(makeResource('IPPool', { name }, spec)))
    const running = runServices([tunnelAddresses], {
      client,
      node,
      config: resolveConfig({}),
      log,
      signal: stop.signal,
    })
    try {
      await play({ etcd, client, lines, pool, node: () => client.resources('Node').get(node) })
    } finally {
      stop.abort()
      await running
      store.close()
    }
  })
}

const vxlan = async ({ node: read }: Scene): Promise<string | undefined> => (await read()).spec.ipv4VXLANTunnelAddr

test('addresses come and go with the pools that ask for them', async () => {
  await withService(async (scene) => {
    await scene.pool('v', { cidr: '10.0.0.0/24', vxlanMode: 'Always' })
    const address = await waitFor('a VXLAN address', () => vxlan(scene))
    assert.match(address, /^10\.0\.0\./)
    const ipam = new Ipam({ client: scene.client, log: quietLogger })
    assert.deepEqual(await ipam.ipsByHandle(tunnelHandle('vxlan', node)), [address])

    await scene.pool('i', { cidr: '10.1.0.0/24', ipipMode: 'CrossSubnet' })
    await waitFor('an IP-in-IP address', async () => (await scene.node()).spec.bgp?.ipv4IPIPTunnelAddr)
    await scene.pool('six', { cidr: 'fd00::/120', vxlanMode: 'CrossSubnet' })
    await waitFor('an IPv6 VXLAN address', async () => (await scene.node()).spec.ipv6VXLANTunnelAddr)
    assert.equal(await vxlan(scene), address)

    await scene.pool('v', { cidr: '10.0.0.0/24', vxlanMode: 'Never' })
    await waitFor('the VXLAN address to be given back', async () => (await vxlan(scene)) === undefined)
    await waitFor(
      'IPAM to have it back',
      async () => (await ipam.ipsByHandle(tunnelHandle('vxlan', node))).length === 0,
    )
    assert.ok((await scene.node()).spec.ipv6VXLANTunnelAddr)
  })
})

test("an address that is another node's, or that somebody took away, is replaced", async () => {
  await withService(async (scene) => {
    await scene.pool('v', { cidr: '10.0.0.0/24', vxlanMode: 'Always' })
    const address = await waitFor('a VXLAN address', () => vxlan(scene))
    const change = (to: string | undefined): Promise<unknown> =>
      scene.client.resources('Node').modify(node, undefined, (it) => ({
        ...it,
        spec: { ...it.spec, ...makeResource('Node', { name: node }, { ipv4VXLANTunnelAddr: to }).spec },
      }))
    await change('10.0.0.200')
    await waitFor('an address of our own', async () => {
      const now = await vxlan(scene)
      return now !== undefined && now !== '10.0.0.200'
    })
    const ipam = new Ipam({ client: scene.client, log: quietLogger })
    assert.equal((await ipam.findHolder(parseIp((await vxlan(scene)) ?? address)))?.attributes['node'], node)
  })
})

test('a pool that is full is told once and asked again; losing etcd ends nothing', async () => {
  await withService(async (scene) => {
    const ipam = new Ipam({ client: scene.client, log: quietLogger })
    await scene.pool('v', { cidr: '10.0.0.0/32', blockSize: 32, vxlanMode: 'Never' })
    await ipam.assignIp({ node, ip: parseIp('10.0.0.0'), handle: 'taken' })
    await scene.pool('v', { cidr: '10.0.0.0/32', blockSize: 32, vxlanMode: 'Always' })
    await waitFor('word of the full pool', () =>
      scene.lines.some((line) => line.startsWith('Cannot give this node its tunnel addresses')),
    )
    await scene.etcd.member.stop()
    await scene.etcd.restart(scene.etcd.member)
    await ipam.releaseByHandle('taken')
    await waitFor('the address', () => vxlan(scene), { deadlineMs: 60_000 })
    const complaints = scene.lines
      .filter((line) => line.includes('10.0.0.0') || line.includes('address'))
      .filter((line) => line.startsWith('Cannot'))
    assert.ok(complaints.length < 5, complaints.join('\n'))
  })
})
