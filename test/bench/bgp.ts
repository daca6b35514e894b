// A node among 500: how soon BIRD runs what etcd says, and 1,000 blocks on their way through a reflector.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { BirdClient } from '@calico-node/birdc'
import { waitFor } from '@calico-node/core'
import { type Host, Lab } from '@calico-node/lab'
import { etcdWriter } from './etcd-put.ts'
import { type Bench, type Figure, percentile } from './figure.ts'

const root = resolve(import.meta.dirname, '../..')
const NODES = 500
const ADDED = 20
const BLOCKS = 1000
const ROUNDS = 5
const SOON = { pollMs: 2, deadlineMs: 60_000 }
const RESOURCES = '/calico/resources/v3/projectcalico.org'

type Put = (line: string) => Promise<number>

export const bench: Bench = {
  name: 'bgp',
  run: async () => {
    const dir = mkdtempSync(join(tmpdir(), 'calico-bench-'))
    const lab = await Lab.start({ root, dir })
    try {
      const put = etcdWriter(lab)
      const byHand = await blocksByHand(lab)
      const reflected = await blocksReflected(lab, put)
      const figures: Figure[] = [
        { name: `${BLOCKS} blocks to another FIB, configured by hand`, value: byHand, unit: 'ms' },
        {
          name: `${BLOCKS} blocks to another FIB, configured by confd`,
          value: reflected.byBird,
          unit: 'ms',
          note: `${(reflected.byBird / byHand).toFixed(2)} times; both from BIRD's "configure", over a reflector`,
        },
        {
          name: `${BLOCKS} blocks from etcd to another FIB`,
          value: reflected.fromEtcd,
          unit: 'ms',
          note: 'from the moment that confd may read them: 1,000 events, render, check, configure',
        },
      ]
      return [...(await manyNodes(lab, put)), ...figures]
    } finally {
      await lab.stop()
      rmSync(dir, { recursive: true, force: true })
    }
  },
}

const birdOf = ({ machine }: Host): BirdClient =>
  new BirdClient(`/proc/${machine.pid}/root/run/calico/bird.ctl`, { timeoutMs: 5000 })

const resource = (plural: string, kind: string, name: string, spec: unknown, labels = {}): string =>
  `${RESOURCES}/${plural}/${name} ${JSON.stringify({ kind, apiVersion: 'projectcalico.org/v3', metadata: { name, labels }, spec })}`

const fakeNode = (number: number): { name: string; session: string; line: string } => {
  const address = `172.31.${Math.floor(number / 200)}.${(number % 200) + 1}`
  const name = `fake-${number}`
  const spec = { bgp: { ipv4Address: `${address}/16` } }
  return { name, session: `Mesh_${address.replaceAll('.', '_')}`, line: resource('nodes', 'Node', name, spec) }
}

/** Until BIRD has the session in the configuration that it runs. */
const runs = (bird: BirdClient, session: string): Promise<boolean> =>
  waitFor(session, async () => bird.defines(session), SOON)

/** The mesh of one real node with nodes that do not answer. */
async function manyNodes(lab: Lab, put: Put): Promise<Figure[]> {
  const host = await lab.addHost('many')
  await put(
    resource('bgpconfigurations', 'BGPConfiguration', 'default', { asNumber: 64512, nodeToNodeMeshEnabled: true }),
  )
  await host.startNode()
  const bird = birdOf(host)
  await waitFor('BIRD', async () => (await bird.protocols()).length > 0, SOON)
  for (let number = 1; number < NODES - 1; number++) await put(fakeNode(number).line)
  const last = fakeNode(NODES - 1)
  const started = performance.now()
  await put(last.line)
  await runs(bird, last.session)
  const all = performance.now() - started
  const times: number[] = []
  for (let number = NODES; number < NODES + ADDED; number++) {
    const { session, line } = fakeNode(number)
    const before = performance.now()
    await put(line)
    await runs(bird, session)
    times.push(performance.now() - before)
    await new Promise((done) => setTimeout(done, 300)) // past the pause in which changes are gathered
  }
  const once = await host.machine.exec(['sh', '-c', `NODENAME=${host.name} confd --once --out /tmp/bench-${host.name}`])
  return [
    { name: `the last of ${NODES} nodes in BIRD`, value: all, unit: 'ms' },
    {
      name: `node added among ${NODES} to reconfigured, p50`,
      value: percentile(times, 50),
      unit: 'ms',
      note: `p95 ${percentile(times, 95).toFixed(0)} ms, ${ADDED} rounds; put, render, check, configure`,
    },
    { name: `confd --once with ${NODES} nodes`, value: once.ms, unit: 'ms', note: 'start, read, render, check' },
  ]
}

const block = (number: number): string => `10.${100 + Math.floor(number / 250)}.${number % 250}.0/26`
const allBlocks = Array.from({ length: BLOCKS }, (_, number) => block(number))

/** Until the kernel has routes for this many blocks. */
async function inFib({ machine }: Host, wanted: number): Promise<void> {
  const count = async (): Promise<number> =>
    Number((await machine.exec(['sh', '-c', 'ip route show proto bird | grep -c ^10\\.10'])).stdout)
  await waitFor(`${wanted} blocks in the kernel`, async () => (await count()) === wanted, { ...SOON, pollMs: 5 })
}

/** The median of some rounds in which all blocks appear, and are taken away again. */
async function rounds(to: Host, appear: () => Promise<number>, vanish: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const started = await appear()
    await inFib(to, BLOCKS)
    times.push(performance.now() - started)
    await vanish()
    await inFib(to, 0)
  }
  return percentile(times, 50)
}

/** Two nodes and a reflector, by confd: from the moment that it may read the blocks, and from BIRD's "configure" alone. */
async function blocksReflected(lab: Lab, put: Put): Promise<{ fromEtcd: number; byBird: number }> {
  const [from, to, reflector] = [await lab.addHost('from'), await lab.addHost('to'), await lab.addHost('rr')]
  await from.startNode()
  await Promise.all([
    to.startNode(),
    reflector.startNode({ CALICO_NODE_ROLE: 'reflector', CALICO_ROUTE_REFLECTOR_CLUSTER_ID: '10.9.9.9' }),
  ])
  await put(
    resource('ippools', 'IPPool', 'bench', {
      cidr: '10.100.0.0/14',
      ipipMode: 'Never',
      vxlanMode: 'Never',
      blockSize: 26,
      nodeSelector: 'all()',
    }),
  )
  await put(
    resource('bgpconfigurations', 'BGPConfiguration', 'default', { asNumber: 64512, nodeToNodeMeshEnabled: false }),
  )
  await from.calicoctl('label', 'node', 'rr', 'rr=yes')
  await put(resource('bgppeers', 'BGPPeer', 'rr', { nodeSelector: '!has(rr)', peerSelector: 'has(rr)' }))
  for (const host of [from, to])
    await waitFor(
      `a session of ${host.name}`,
      async () => (await birdOf(host).protocols()).some(({ info }) => info === 'Established'),
      SOON,
    )
  const putAll = async (state: string): Promise<void> => {
    for (const cidr of allBlocks)
      await put(`/calico/ipam/v2/host/from/ipv4/block/${cidr.replace('/', '-')} {"state":"${state}"}`)
  }
  const confd = (await from.pids('confd')).map(String)
  // confd sees all of them at once, as a configuration written by hand has them.
  const appear = async (): Promise<number> => {
    await from.machine.must(['kill', '-STOP', ...confd])
    await putAll('confirmed')
    const started = performance.now()
    await from.machine.must(['kill', '-CONT', ...confd])
    return started
  }
  const fromEtcd = await rounds(to, appear, () => putAll('pending'))
  const byBird = await blocksByRenderedFiles(from, to, putAll)
  for (const host of [from, to, reflector]) await host.stopNode()
  return { fromEtcd, byBird }
}

/** What confd made of no blocks and of all, swapped by hand while it stands still. */
async function blocksByRenderedFiles(from: Host, to: Host, putAll: (state: string) => Promise<void>): Promise<number> {
  const { machine } = from
  const directory = '/etc/calico/confd/config'
  for (const [state, count] of [
    ['confirmed', BLOCKS],
    ['pending', 0],
  ] as const) {
    await putAll(state)
    await inFib(to, count)
    await machine.sh(`mkdir -p /tmp/bench-${state}; cp ${directory}/bird*.cfg /tmp/bench-${state}`)
  }
  const confd = (await from.pids('confd')).map(String)
  await machine.must(['kill', '-STOP', ...confd])
  const configure = async (state: string): Promise<number> => {
    await machine.sh(`cp /tmp/bench-${state}/bird*.cfg ${directory}`)
    const started = performance.now()
    await birdOf(from).configure()
    return started
  }
  const ms = await rounds(
    to,
    () => configure('confirmed'),
    () => configure('pending'),
  )
  await machine.must(['kill', '-CONT', ...confd])
  return ms
}

/** The same routes on the same hosts by hand: no more in the configuration than it takes. */
async function blocksByHand(lab: Lab): Promise<number> {
  const hosts = [await lab.addHost('hand1'), await lab.addHost('hand2'), await lab.addHost('hand3')] as const
  const [from, to, reflector] = hosts
  const session = ({ addresses }: Host, more = ''): string =>
    `protocol bgp { local as 64512; neighbor ${addresses.ipv4} as 64512; multihop; connect delay time 1; connect retry time 1; import all; export where source ~ [ RTS_STATIC, RTS_BGP ]; ${more} }`
  const start = async (host: Host, sessions: string): Promise<void> => {
    await host.machine.sh('mkdir -p /etc/hand /run/calico; : >/etc/hand/blocks; cat >/etc/hand/bird.cfg', {
      input: `router id ${host.addresses.ipv4};
        protocol kernel { scan time 2; export where source ~ [ RTS_STATIC, RTS_BGP ]; }
        protocol device { scan time 2; }
        protocol direct { interface "eth0"; }
        protocol static {
          include "blocks";
        }
        ${sessions}\n`,
    })
    host.machine.spawn(['bird', '-f', '-c', '/etc/hand/bird.cfg', '-s', '/run/calico/bird.ctl'], 'hand.log')
  }
  await start(reflector, session(from, 'rr client;') + session(to, 'rr client;'))
  for (const host of [from, to]) await start(host, session(reflector))
  for (const host of [from, to])
    await waitFor(
      `a session of ${host.name}`,
      async () => (await birdOf(host).protocols()).some(({ info }) => info === 'Established'),
      SOON,
    )
  const configure = async (blocks: readonly string[]): Promise<number> => {
    const input = blocks.map((cidr) => `route ${cidr} blackhole;\n`).join('')
    await from.machine.sh('cat >/etc/hand/blocks', { input })
    const started = performance.now()
    await birdOf(from).configure()
    return started
  }
  return rounds(
    to,
    () => configure(allBlocks),
    () => configure([]),
  )
}
