/** `calicoctl datastore migrate`: from one etcd into another. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { initialise } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import { makeResource, parseIp, parseNodeName } from '@calico-node/model'
import { TestCluster } from './harness.test.ts'

let cluster: TestCluster
let other: TestCluster
before(async () => {
  cluster = await TestCluster.start()
  other = await TestCluster.start()
})
after(async () => {
  await cluster.stop()
  await other.stop()
})
beforeEach(async () => {
  await cluster.wipe()
  await initialise(cluster.client)
})

const ok: TestCluster['ok'] = async (...args) => cluster.ok(...args)
const fails: TestCluster['fails'] = async (...args) => cluster.fails(...args)

/** Every key with its value; identities and times are made anew by an import. */
const comparable = async (from: TestCluster): Promise<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(await from.everything()).map(([key, value]) => {
      if (key.includes('/ipam/')) return [key, value]
      const { metadata, ...rest } = JSON.parse(value)
      const { uid: _uid, creationTimestamp: _time, ...kept } = metadata
      return [key, { ...rest, metadata: kept }]
    }),
  )
const document = (kind: string, metadata: object, spec: object): object => ({
  apiVersion: 'projectcalico.org/v3',
  kind,
  metadata,
  spec,
})
const rules = {
  selector: "role == 'db'",
  ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [5432, '8000:8010'] } }],
}
/** One of every kind that somebody writes, those that refer to others among them. */
const EVERYTHING = [
  document('Tier', { name: 'sec' }, { order: 10 }),
  document('BGPFilter', { name: 'f' }, { importV4: [{ action: 'Accept', matchOperator: 'In', cidr: '10.0.0.0/8' }] }),
  document('BGPPeer', { name: 'tor' }, { peerIP: '10.0.0.1', asNumber: 65000, filters: ['f'] }),
  document('IPPool', { name: 'a', labels: { x: 'y' } }, { cidr: '10.65.0.0/24', natOutgoing: true }),
  document('IPReservation', { name: 'kept' }, { reservedCIDRs: ['10.65.0.200/29'] }),
  document('Node', { name: 'host-a' }, { bgp: { ipv4Address: '10.20.0.1/24' } }),
  document('Node', { name: 'host-b' }, { bgp: { ipv4Address: '10.20.0.2/24' } }),
  document('BGPConfiguration', { name: 'default' }, { asNumber: 64600, nodeToNodeMeshEnabled: false }),
  document('FelixConfiguration', { name: 'node.host-a' }, { logSeverityScreen: 'Debug' }),
  document('GlobalNetworkSet', { name: 's', labels: { bad: 'yes' } }, { nets: ['192.0.2.0/24'] }),
  document('NetworkSet', { name: 's', namespace: 'x' }, { nets: ['198.51.100.0/24'] }),
  document('GlobalNetworkPolicy', { name: 'sec.g' }, { ...rules, tier: 'sec', order: 5 }),
  document('NetworkPolicy', { name: 'p', namespace: 'x' }, rules),
  document('StagedGlobalNetworkPolicy', { name: 'sg' }, rules),
  document('StagedNetworkPolicy', { name: 'sp', namespace: 'x' }, rules),
  document(
    'HostEndpoint',
    { name: 'h', labels: { role: 'db' } },
    { node: 'host-a', interfaceName: 'eth0', expectedIPs: ['10.20.0.1'] },
  ),
  document('Profile', { name: 'plain' }, { labelsToApply: { a: 'b' } }),
]
test('an export fills an empty etcd with the same, key by key', async () => {
  await ok('apply -f -', JSON.stringify(EVERYTHING))
  await ok('profile add PROF_A_B')
  const ipam = new Ipam({ client: cluster.client, log: quietLogger })
  for (const [i, [node, workload]] of (
    [
      ['host-a', 'web'],
      ['host-a', 'db'],
      ['host-b', 'borrower'],
    ] as const
  ).entries()) {
    const ip = `10.65.0.${i + 1}`
    await ipam.assignIp({
      node: parseNodeName(node),
      ip: parseIp(ip),
      handle: `docker.${workload}`,
      attributes: { node },
    })
    const spec = {
      node,
      orchestrator: 'docker',
      workload,
      endpoint: `${workload}0`,
      interfaceName: `cali${workload}`,
    }
    await cluster.client
      .resources('WorkloadEndpoint')
      .create(
        makeResource(
          'WorkloadEndpoint',
          { namespace: 'default' },
          { ...spec, ipNetworks: [`${ip}/32`], profiles: ['plain', 'prof-a-b-2d6a3311'] },
        ),
      )
  }
  await fails('datastore migrate export', /not locked/)
  await ok('datastore migrate lock')
  const saved = await ok('datastore migrate export')
  await fails('datastore migrate import -f -', /datastore is not empty/, saved)

  await other.wipe()
  const { exit, stdout, stderr } = await other.cli('datastore migrate import -f -', { stdin: saved })
  assert.deepEqual([exit, stderr], [0, ''])
  assert.match(stdout, /Imported 1 ippools.*3 workloadendpoints.*records of IPAM\./)
  const [held, restored] = [await comparable(cluster), await comparable(other)]
  for (const kind of ['bgpfilters', 'hostendpoints', 'profiles', 'workloadendpoints', 'ipam/v2/handle', 'ipam/v2/host'])
    assert.ok(
      Object.keys(held).some((key) => key.includes(`/${kind}/`)),
      kind,
    )
  assert.deepEqual(restored, held)
  // Both know who has which address.
  const shown = ['get wep -A -o wide', 'ipam show --show-blocks', 'ipam show --show-borrowed', 'ipam check']
  for (const line of shown) assert.equal((await other.cli(line)).stdout, await ok(line), line)
  const again = await other.cli('datastore migrate import -f -', { stdin: saved })
  assert.deepEqual([again.exit, again.stdout], [1, ''])
  assert.match((await other.cli('datastore migrate unlock')).stdout, /Datastore unlocked\./)
})
test('what other tools wrote in another order is imported', async () => {
  await ok('apply -f -', JSON.stringify(EVERYTHING))
  await ok('datastore migrate lock')
  const [lists = '', ...rest] = (await ok('datastore migrate export')).split('===\n')
  const reversed = lists
    .split('---\n')
    .filter((part) => part !== '')
    .toReversed()
    .map((part) => `${part}---\n`)
  await other.wipe()
  const { exit, stderr } = await other.cli('datastore migrate import -f -', {
    stdin: [reversed.join(''), ...rest].join('===\n'),
  })
  assert.deepEqual([exit, stderr], [0, ''])
  assert.deepEqual(await comparable(other), await comparable(cluster))
})
test('only an etcd without addresses of others is empty', async () => {
  await ok('datastore migrate lock')
  const saved = await ok('datastore migrate export')
  await other.wipe()
  await other.store.put('/calico/ipam/v2/handle/left', '{}')
  const { exit, stderr } = await other.cli('datastore migrate import -f -', { stdin: saved })
  assert.equal(exit, 1)
  assert.match(stderr, /not empty, it has \/calico\/ipam\/v2\/handle\/left/)
})
test('nothing is imported from what is no export', async () => {
  await cluster.wipe()
  await fails('datastore migrate import -f -', /Cannot read the records of IPAM/, '---\n===\n{}\n===\nnonsense')
  await fails(
    'datastore migrate import -f -',
    /none of IPAM's/,
    '---\n===\n{}\n===\n{"blocks": [{"Key": "/etc/passwd", "Value": "x"}]}',
  )
  await fails('datastore migrate import', /Option -f is missing/)
})
