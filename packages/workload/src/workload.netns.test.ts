import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { beforeEach, describe, test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { CalicoClient, MemoryKvStore } from '@calico-node/datastore'
import { checkIpam, Ipam } from '@calico-node/ipam'
import {
  createSysctl,
  deleteLink,
  findLink,
  listAddresses,
  listLinks,
  listNeighbours,
  listRoutes,
  replaceRoute,
  run,
  type Netns,
} from '@calico-node/linux'
import { hostCidr, makeResource, parseCidr, parseIp, parseNodeName, type SpecInput } from '@calico-node/model'
import { addIp, removeIp } from './address-changes.ts'
import {
  addWorkload,
  removeWorkload,
  type AddWorkloadRequest,
  type WorkloadContext,
  type WorkloadEndpoint,
} from './workload.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const NODE = parseNodeName('host-a')
const W1: Netns = { path: '/run/netns/w1' }
const W2: Netns = { path: '/run/netns/w2' }
const ip = (...args: string[]): Promise<string> => run('ip', args)
const inW1 = (...args: string[]): Promise<string> => run('ip', ['netns', 'exec', 'w1', ...args])

const request = (more: Partial<AddWorkloadRequest> = {}): AddWorkloadRequest => ({
  node: NODE,
  orchestrator: 'docker',
  workload: 'c0ffee',
  namespace: 'default',
  netns: W1,
  interfaceName: 'eth1',
  ips: ['ipv4'],
  gateway: 'host-address',
  profiles: [],
  ...more,
})

/** A host with an uplink, two empty namespaces beside it, and a store with its Node and two pools. */
async function host(
  node: SpecInput<'Node'> = { bgp: { ipv4Address: '10.20.0.1/24', ipv6Address: 'fd00:20::1/64' } },
): Promise<WorkloadContext> {
  const client = new CalicoClient(new MemoryKvStore())
  await client.resources('Node').create(makeResource('Node', { name: NODE }, node))
  await client.resources('IPPool').create(makeResource('IPPool', { name: 'four' }, { cidr: '10.65.0.0/16' }))
  await client.resources('IPPool').create(makeResource('IPPool', { name: 'six' }, { cidr: 'fd00:65::/64' }))
  return { client, ipam: new Ipam({ client, log: quietLogger }), log: quietLogger }
}

const setNode = ({ client }: WorkloadContext, spec: SpecInput<'Node'>): Promise<unknown> =>
  client.resources('Node').apply(makeResource('Node', { name: NODE }, spec))

beforeEach(async () => {
  for (const { name } of await listLinks()) if (name !== 'lo') await deleteLink(name)
  for (const name of ['w1', 'w2']) {
    await ip('netns', 'delete', name).catch(() => undefined)
    await ip('netns', 'add', name)
  }
  await ip('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up0-peer')
  await ip('address', 'add', '10.20.0.1/24', 'dev', 'up0')
  await ip('address', 'add', 'fd00:20::1/64', 'dev', 'up0', 'nodad')
  for (const dev of ['up0', 'up0-peer']) await ip('link', 'set', dev, 'up')
  await ip('route', 'add', 'default', 'via', '10.20.0.254')
})

/** What Felix does for an endpoint, as far as reaching the host needs it. */
async function playFelix({ spec }: WorkloadEndpoint): Promise<void> {
  const dev = spec.interfaceName
  const sysctl = createSysctl()
  for (const key of [
    `ipv4/conf/${dev}/proxy_arp`,
    `ipv4/conf/${dev}/forwarding`,
    `ipv6/conf/${dev}/proxy_ndp`,
    `ipv6/conf/${dev}/forwarding`,
  ]) {
    sysctl.write(`net/${key}`, '1')
  }
  sysctl.write(`net/ipv4/neigh/${dev}/proxy_delay`, '0')
  for (const dst of spec.ipNetworks ?? []) await replaceRoute({ dst, kind: 'unicast', dev, scope: 'link', protocol: 3 })
}

const addresses = async (dev: string, netns: Netns = W1): Promise<string[]> =>
  (await listAddresses({ netns }))
    .filter((each) => each.dev === dev && each.scope === 'global')
    .map((each) => `${each.ip}/${each.prefixLength}`)

/** `destination via device metric` of the main tables, without what the kernel makes by itself. */
const routes = async (netns: Netns = W1): Promise<string[]> =>
  [...(await listRoutes(4, { netns })), ...(await listRoutes(6, { netns }))]
    .filter(({ protocol }) => protocol !== 2)
    .map(({ dst, via, dev, metric }) => `${dst} ${via ?? '-'} ${dev} ${metric}`)

const pings = (to: string): Promise<boolean> =>
  inW1('ping', '-c1', '-W2', to).then(
    () => true,
    () => false,
  )

/** Everything that the store and the kernel know, to be compared before and after. */
async function everything({ client }: WorkloadContext): Promise<object> {
  const { allocations, counts, problems } = await checkIpam(client)
  const links = (await listLinks()).map(({ name }) => name)
  const inside = await Promise.all(
    [W1, W2].map(async (netns) => ({
      links: (await listLinks({ netns })).map(({ name }) => name),
      routes: await routes(netns),
    })),
  )
  const endpoints = (await client.resources('WorkloadEndpoint').list()).map(({ metadata, spec }) => ({
    name: metadata.name,
    spec,
  }))
  return {
    allocations,
    handles: counts.handles,
    faults: problems.filter(({ level }) => level === 'fault'),
    links,
    inside,
    endpoints,
  }
}

describe('a workload that is added', () => {
  test("has its addresses, reaches its host over the host's address, and stands in the store", async () => {
    const ctx = await host()
    const endpoint = await addWorkload(
      ctx,
      request({ ips: [parseIp('10.65.0.9'), 'ipv6'], profiles: ['prof-a'], labels: { app: 'db' } }),
    )
    const [, six = ''] = endpoint.spec.ipNetworks ?? []
    assert.match(six, /^fd00:65::.*\/128$/)
    assert.deepEqual(await addresses('eth1'), ['10.65.0.9/32', six])
    assert.deepEqual(await routes(), [
      '0.0.0.0/0 10.20.0.1 eth1 0',
      '10.20.0.1/32 - eth1 0',
      'fd00:20::1/128 - eth1 1024',
      '::/0 fd00:20::1 eth1 1024',
    ])
    const stored = await ctx.client.resources('WorkloadEndpoint').get(endpoint.metadata.name, 'default')
    assert.match(stored.metadata.name, /^host--a-docker-c0ffee-[0-9a-f]{32}$/)
    assert.deepEqual(stored.metadata.labels, {
      app: 'db',
      'projectcalico.org/namespace': 'default',
      'projectcalico.org/orchestrator': 'docker',
    })
    const link = await findLink('eth1', { netns: W1 })
    assert.partialDeepStrictEqual(stored.spec, {
      orchestrator: 'docker',
      workload: 'c0ffee',
      node: 'host-a',
      ipNetworks: ['10.65.0.9/32', six],
      profiles: ['prof-a'],
      ipv4Gateway: '10.20.0.1',
      ipv6Gateway: 'fd00:20::1',
      mac: link?.mac ?? assert.fail(),
    })
    assert.match(stored.spec.interfaceName, new RegExp(`^cali${stored.spec.endpoint.slice(0, 11)}$`))
    assert.equal((await findLink(stored.spec.interfaceName))?.operUp, true)
    assert.equal((await ctx.ipam.findHolder(parseIp('10.65.0.9')))?.handle, 'docker.c0ffee')
    assert.deepEqual(Object.keys((await ctx.ipam.findHolder(parseIp('10.65.0.9')))?.attributes ?? {}), [
      'node',
      'timestamp',
    ])
    assert.deepEqual((await checkIpam(ctx.client)).problems, [])

    await playFelix(endpoint)
    for (const gateway of ['10.20.0.1', 'fd00:20::1']) {
      assert.ok(await pings(gateway), gateway)
      const neighbours = await listNeighbours(gateway.includes(':') ? 6 : 4, { netns: W1 })
      const gatewayMac = neighbours.find((each) => each.ip === gateway)?.mac
      assert.equal(gatewayMac, (await findLink(stored.spec.interfaceName))?.mac)
    }
  })

  test('reaches its host over link-local gateways', async () => {
    const ctx = await host({})
    const endpoint = await addWorkload(ctx, request({ ips: ['ipv4', 'ipv6'], gateway: 'link-local' }))
    assert.deepEqual([endpoint.spec.ipv4Gateway, endpoint.spec.ipv6Gateway], [undefined, undefined])
    assert.deepEqual(await routes(), [
      '0.0.0.0/0 169.254.1.1 eth1 0',
      '169.254.1.1/32 - eth1 0',
      '::/0 fe80::ecee:eeff:feee:eeee eth1 1024',
    ])
    await playFelix(endpoint)
    for (const to of ['10.20.0.1', 'fd00:20::1']) assert.ok(await pings(to), to)
  })

  test('gets a next hop of its own on each interface', async () => {
    const ctx = await host({})
    for (const interfaceName of ['eth1', 'eth2'])
      await addWorkload(
        ctx,
        request({ interfaceName, endpoint: interfaceName, workload: interfaceName, gateway: 'link-local' }),
      )
    assert.deepEqual(await routes(), [
      '0.0.0.0/0 169.254.1.2 eth2 0',
      '0.0.0.0/0 169.254.1.1 eth1 1',
      '169.254.1.1/32 - eth1 0',
      '169.254.1.2/32 - eth2 0',
    ])
  })

  test('keeps its other networks, but no longer leaves by them', async () => {
    const ctx = await host()
    await connectElsewhere()
    await addWorkload(ctx, request())
    assert.deepEqual(await routes(), [
      '0.0.0.0/0 10.20.0.1 eth1 0',
      '0.0.0.0/0 172.17.0.1 eth0 1',
      '10.20.0.1/32 - eth1 0',
    ])
  })

  test('gets IPv6 where the engine had switched it off, and the MTU that was asked for', async () => {
    const ctx = await host()
    for (const which of ['all', 'default']) await inW1('sysctl', '-qw', `net.ipv6.conf.${which}.disable_ipv6=1`)
    const endpoint = await addWorkload(ctx, request({ ips: ['ipv6'], mtuBytes: 1400 }))
    assert.deepEqual(await addresses('eth1'), endpoint.spec.ipNetworks)
    assert.equal((await findLink('eth1', { netns: W1 }))?.mtuBytes, 1400)
    assert.equal((await findLink(endpoint.spec.interfaceName))?.mtuBytes, 1400)
  })

  test('may be named by a process, and may take any address of a given pool', async () => {
    const ctx = await host()
    const child = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' })
    try {
      const pid = child.pid ?? assert.fail()
      await waitFor(
        'the namespace',
        async () => (await run('readlink', [`/proc/${pid}/ns/net`])) !== (await run('readlink', ['/proc/self/ns/net'])),
      )
      const endpoint = await addWorkload(ctx, request({ netns: { pid }, ips: [parseCidr('10.65.0.0/16')] }))
      assert.deepEqual(await addresses('eth1', { pid }), endpoint.spec.ipNetworks)
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('takes over the interface that an attempt which died has left', async () => {
    const ctx = await host()
    const { spec } = await addWorkload(ctx, request())
    await removeWorkload(ctx, request())
    await ip('link', 'add', spec.interfaceName, 'type', 'veth', 'peer', 'name', 'stale')
    await addWorkload(ctx, request())
    assert.equal(await findLink('stale'), undefined)
  })

  test('twice at once is added once', async () => {
    const ctx = await host()
    const results = await Promise.allSettled([addWorkload(ctx, request()), addWorkload(ctx, request({ netns: W2 }))])
    assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    const winner = results[0]?.status === 'fulfilled' ? W1 : W2
    assert.equal((await addresses('eth1', winner)).length, 1)
    assert.equal((await checkIpam(ctx.client)).allocations.length, 1)
    assert.deepEqual((await checkIpam(ctx.client)).problems, [])
  })
})

/** The network that an engine gave w1: `eth0` with a default route. */
async function connectElsewhere(): Promise<void> {
  await ip('link', 'add', 'docker0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'w1')
  await ip('link', 'set', 'docker0', 'up')
  await inW1('ip', 'address', 'add', '172.17.0.2/16', 'dev', 'eth0')
  await inW1('ip', 'link', 'set', 'eth0', 'up')
  await inW1('ip', 'route', 'add', 'default', 'via', '172.17.0.1')
}

describe('adding a workload takes everything back', () => {
  const cases: [
    when: string,
    more: Partial<AddWorkloadRequest>,
    error: { code: string; message?: RegExp },
    before?: (ctx: WorkloadContext) => Promise<unknown>,
  ][] = [
    [
      'when an address is in no pool',
      { ips: ['ipv4', parseIp('192.0.2.1')] },
      { code: 'INVALID', message: /192\.0\.2\.1: it is not in any configured pool/ },
    ],
    [
      'when a network is no pool',
      { ips: ['ipv4', parseCidr('10.65.0.0/24')] },
      { code: 'INVALID', message: /10\.65\.0\.0\/24: it is not an enabled IP pool/ },
    ],
    [
      'when an address is taken',
      { ips: ['ipv6', parseIp('10.65.0.9')] },
      { code: 'ALREADY_EXISTS' },
      ({ ipam }) => ipam.assignIp({ node: NODE, ip: parseIp('10.65.0.9'), handle: 'other' }),
    ],
    ['when no address is asked for', { ips: [] }, { code: 'INVALID' }],
    [
      'when the host has no address for the gateway',
      { ips: ['ipv4', 'ipv6'] },
      { code: 'NOT_FOUND', message: /host-a has no IPv6 address/ },
      (ctx) => setNode(ctx, { bgp: { ipv4Address: '10.20.0.1' } }),
    ],
    ['when the endpoint is not acceptable', { profiles: ['Not_A_Name'] }, { code: 'INVALID', message: /profiles/ }],
    [
      'when the workload has an endpoint',
      {},
      { code: 'ALREADY_EXISTS', message: /has an endpoint already/ },
      (ctx) => addWorkload(ctx, request({ interfaceName: 'first' })),
    ],
    [
      'when the workload has an interface of that name',
      {},
      { code: 'ALREADY_EXISTS', message: /an interface of that name/ },
      () => inW1('ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'x'),
    ],
    ['when the namespace does not exist', { netns: { path: '/run/netns/none' } }, { code: 'COMMAND_FAILED' }],
    ['when the kernel refuses the pair', { mtuBytes: 5 }, { code: 'COMMAND_FAILED' }],
    [
      'when the kernel refuses the default route',
      { ips: ['ipv4', 'ipv6'] },
      { code: 'COMMAND_FAILED' },
      (ctx) => setNode(ctx, { bgp: { ipv4Address: '10.20.0.1', ipv6Address: 'ff02::1' } }),
    ],
  ]
  for (const [when, more, error, before] of cases) {
    test(when, async () => {
      const ctx = await host()
      await connectElsewhere()
      await before?.(ctx)
      const untouched = await everything(ctx)
      await assert.rejects(addWorkload(ctx, request(more)), error)
      assert.deepEqual(await everything(ctx), untouched)
    })
  }
})

describe('removing a workload', () => {
  test('leaves nothing, and a second time does nothing', async () => {
    const ctx = await host()
    const untouched = await everything(ctx)
    const endpoint = await addWorkload(ctx, request({ ips: ['ipv4', 'ipv6'] }))
    const { endpoints, ips } = await removeWorkload(ctx, request())
    assert.deepEqual(endpoints, [endpoint.metadata.name])
    assert.deepEqual(ips.map(hostCidr), endpoint.spec.ipNetworks)
    assert.deepEqual(await everything(ctx), untouched)
    assert.deepEqual(await removeWorkload(ctx, request()), { endpoints: [], ips: [] })
  })

  test('spares the other workloads', async () => {
    const ctx = await host()
    await addWorkload(ctx, request({ workload: 'other', netns: W2 }))
    const others = await everything(ctx)
    await addWorkload(ctx, request())
    await removeWorkload(ctx, request())
    assert.deepEqual(await everything(ctx), others)
  })

  const leftovers: [what: string, lose: (ctx: WorkloadContext, endpoint: WorkloadEndpoint) => Promise<unknown>][] = [
    ['without its interface', (_, { spec }) => deleteLink(spec.interfaceName)],
    ['without its namespace', () => ip('netns', 'delete', 'w1')],
    [
      'without its endpoint',
      ({ client }, { metadata }) => client.resources('WorkloadEndpoint').delete(metadata.name, 'default'),
    ],
    ['without its addresses', ({ ipam }) => ipam.releaseByHandle('docker.c0ffee')],
  ]
  for (const [what, lose] of leftovers) {
    test(`finishes one ${what}`, async () => {
      const ctx = await host()
      const endpoint = await addWorkload(ctx, request({ ips: ['ipv4', 'ipv6'] }))
      await lose(ctx, endpoint)
      await removeWorkload(ctx, request())
      await waitFor('the interface to go', async () => (await findLink(endpoint.spec.interfaceName)) === undefined)
      assert.deepEqual(await ctx.client.resources('WorkloadEndpoint').list(), [])
      assert.deepEqual((await checkIpam(ctx.client)).allocations, [])
    })
  }
})

describe('one more address', () => {
  test('comes, with a gateway when it is the first of its IP version, and goes', async () => {
    const ctx = await host()
    const before = await addWorkload(ctx, request({ ips: [parseIp('10.65.0.9')] }))
    const six = await addIp(ctx, { ...request(), ip: 'ipv6' })
    const { endpoint } = await addIp(ctx, { ...request(), ip: parseIp('10.65.0.10') })
    assert.deepEqual(endpoint.spec.ipNetworks, ['10.65.0.9/32', hostCidr(six.ip), '10.65.0.10/32'])
    assert.deepEqual((await addresses('eth1')).toSorted(), endpoint.spec.ipNetworks?.toSorted())
    assert.deepEqual(await routes(), [
      '0.0.0.0/0 10.20.0.1 eth1 0',
      '10.20.0.1/32 - eth1 0',
      'fd00:20::1/128 - eth1 1024',
      '::/0 fd00:20::1 eth1 1024',
    ])
    assert.equal(endpoint.spec.ipv6Gateway, 'fd00:20::1')
    await playFelix(endpoint)
    for (const to of ['10.20.0.1', 'fd00:20::1']) assert.ok(await pings(to), to)

    for (const gone of [six.ip, parseIp('10.65.0.10')]) await removeIp(ctx, { ...request(), ip: gone })
    assert.deepEqual(await addresses('eth1'), ['10.65.0.9/32'])
    assert.deepEqual(
      (await ctx.client.resources('WorkloadEndpoint').get(before.metadata.name, 'default')).spec.ipNetworks,
      ['10.65.0.9/32'],
    )
    assert.deepEqual(await ctx.ipam.ipsByHandle('docker.c0ffee'), ['10.65.0.9'])
    assert.deepEqual((await checkIpam(ctx.client)).problems, [])
  })

  test('may replace the only one', async () => {
    const ctx = await host()
    await addWorkload(ctx, request({ ips: [parseIp('10.65.0.9')] }))
    await removeIp(ctx, { ...request(), ip: parseIp('10.65.0.9') })
    const { endpoint } = await addIp(ctx, { ...request(), ip: parseIp('10.65.0.10') })
    assert.deepEqual(await routes(), ['0.0.0.0/0 10.20.0.1 eth1 0', '10.20.0.1/32 - eth1 0'])
    await playFelix(endpoint)
    assert.ok(await pings('10.20.0.1'))
  })

  const refused: [
    when: string,
    change: (ctx: WorkloadContext) => Promise<unknown>,
    error: { code: string },
    before?: (ctx: WorkloadContext) => Promise<unknown>,
  ][] = [
    ['in no pool', (ctx) => addIp(ctx, { ...request(), ip: parseIp('192.0.2.1') }), { code: 'INVALID' }],
    [
      'for a workload that is not connected',
      (ctx) => addIp(ctx, { ...request({ workload: 'nobody' }), ip: 'ipv4' }),
      { code: 'NOT_FOUND' },
    ],
    [
      'for a workload without its interface',
      (ctx) => addIp(ctx, { ...request({ netns: W2 }), ip: 'ipv4' }),
      { code: 'NOT_FOUND' },
    ],
    [
      'whose gateway the kernel refuses',
      (ctx) => addIp(ctx, { ...request(), ip: 'ipv6' }),
      { code: 'COMMAND_FAILED' },
      (ctx) => setNode(ctx, { bgp: { ipv6Address: 'ff02::1' } }),
    ],
    [
      'that the workload does not have, to be removed',
      (ctx) => removeIp(ctx, { ...request(), ip: parseIp('10.65.0.10') }),
      { code: 'NOT_FOUND' },
    ],
    [
      'that IPAM holds for another, to be removed',
      (ctx) => removeIp(ctx, { ...request(), ip: parseIp('10.65.0.9') }),
      { code: 'CONFLICT' },
      async ({ ipam }) => {
        await ipam.releaseByHandle('docker.c0ffee')
        await ipam.assignIp({ node: NODE, ip: parseIp('10.65.0.9'), handle: 'other' })
      },
    ],
  ]
  for (const [when, change, error, before] of refused) {
    test(`${when}, is refused without a trace`, async () => {
      const ctx = await host()
      await addWorkload(ctx, request({ ips: [parseIp('10.65.0.9')] }))
      await before?.(ctx)
      const untouched = [await everything(ctx), await addresses('eth1')]
      await assert.rejects(change(ctx), error)
      assert.deepEqual([await everything(ctx), await addresses('eth1')], untouched)
    })
  }
})
