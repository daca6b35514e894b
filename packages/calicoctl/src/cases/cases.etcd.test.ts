/** The table of commands that need etcd and nothing of the host. */
import { after, before, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { initialise } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import { makeResource, parseIp, parseNodeName } from '@calico-node/model'
import { TestCluster } from '../harness.test.ts'
import { caseFolder, type CaseRunner, checkCase, readCases, recordCases, removeFolder } from './case.test.ts'

const set = (name: string, net: string): string =>
  `apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: ${name}}\nspec: {nets: [${net}]}\n`
const namespaced = (name: string): string =>
  `apiVersion: projectcalico.org/v3\nkind: NetworkSet\nmetadata: {name: ${name}}\nspec: {nets: [10.7.0.0/16]}\n`

const FILES = {
  'new.yaml': set('new', '10.1.0.0/16'),
  'old.yaml': set('old', '10.2.0.0/16'),
  'both.yaml': `${set('old', '10.3.0.0/16')}---\n${set('new', '10.1.0.0/16')}`,
  'stale.yaml': set('old', '10.2.0.0/16').replace('{name: old}', '{name: old, resourceVersion: "1"}'),
  'bad.yaml': `${set('fine', '10.1.0.0/16')}---\n${set('bad', '10.1.0.0/33')}`,
  'namespaced.yaml': namespaced('shelf'),
  'empty.yaml': '# nothing\n',
  'folder/a.yaml': set('old', '10.4.0.0/16'),
  'folder/sub/b.json': JSON.stringify({
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkSet',
    metadata: { name: 'deep' },
    spec: { nets: ['10.5.0.0/16'] },
  }),
  'policy.yaml':
    'apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: deny-db}\nspec:\n' +
    "  selector: role == 'db'\n  ingress:\n  - {action: Deny, protocol: TCP, destination: {ports: [5432]}}\n  - {action: Allow}\n",
  'sub/policy/deny.yaml':
    'apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: deny-till}\nspec: {selector: all(), ingress: []}\n',
  'v1.yaml':
    'apiVersion: v1\nkind: profile\nmetadata: {name: PROF_A_B, tags: [web]}\nspec: {ingress: [{action: allow, source: {tag: web}}]}\n',
  'v1/sub/pool.yaml': 'apiVersion: v1\nkind: ipPool\nmetadata: {cidr: 10.1.0.0/16}\nspec: {nat-outgoing: true}\n',
  'v1-bad.yaml':
    'apiVersion: v1\nkind: bgpPeer\nmetadata: {scope: global, peerIP: 10.0.0.1}\nspec: {asNumber: 0.5.7}\n',
  'damaged.yaml': '---\n===\n{}\n===\nnonsense\n',
  template: '{{range .}}{{range .items}}{{.metadata.name}} {{end}}{{end}}',
}

const VARIABLE: CaseRunner['variable'] = [
  [/\b[0-9a-f]{32}\b/g, 'GUID'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UUID'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'],
  [/\d{8}[_-]\d{6}/g, 'STAMP'],
  [/("?resourceVersion"?: ?)"\d+"/g, '$1"N"'],
  [/\b1\d{18}\b/g, 'SEQUENCE'],
  [/http:\/\/127\.0\.0\.1:\d{5}/g, 'ETCD'],
]

async function buildScene(cluster: TestCluster): Promise<void> {
  const { client } = cluster
  await initialise(client)
  for (const [i, name] of ['host-a', 'host-b'].entries())
    await client
      .resources('Node')
      .create(makeResource('Node', { name }, { bgp: { ipv4Address: `10.20.0.${i + 1}/24` } }))
  await client
    .resources('IPPool')
    .create(makeResource('IPPool', { name: 'pool-a', labels: { x: 'y' } }, { cidr: '10.65.0.0/24' }))
  await client
    .resources('GlobalNetworkSet')
    .create(makeResource('GlobalNetworkSet', { name: 'old' }, { nets: ['10.2.0.0/16'] }))
  const policy = { selector: "app == 'till'", ingress: [{ action: 'Allow' as const }] }
  await client
    .resources('NetworkPolicy')
    .create(makeResource('NetworkPolicy', { name: 'till', namespace: 'shop' }, policy))
  for (const line of ['profile add PROF_A_B', 'bgp peer add 10.9.9.9 as 65000', 'node bgp peer add 10.8.8.8 as 65001'])
    await cluster.cli(line)
  const ipam = new Ipam({ client, log: quietLogger })
  // The first is used, the second leaked, the third borrowed and used.
  for (const [node, ip, handle] of [
    ['host-a', '10.65.0.1', 'docker.web'],
    ['host-a', '10.65.0.2', 'docker.gone'],
    ['host-b', '10.65.0.3', 'docker.db'],
  ] as const)
    await ipam.assignIp({ node: parseNodeName(node), ip: parseIp(ip), handle, attributes: { node } })
  for (const [namespace, node, workload, ip] of [
    ['default', 'host-a', 'web', '10.65.0.1'],
    ['default', 'host-b', 'db', '10.65.0.3'],
    ['shop', 'host-b', 'till', '192.0.2.7'],
  ] as const) {
    const spec = { node, orchestrator: 'docker', workload, endpoint: `${workload}0`, interfaceName: `cali${workload}` }
    const profiles = namespace === 'default' ? ['prof-a-b-2d6a3311'] : []
    await client
      .resources('WorkloadEndpoint')
      .create(
        makeResource(
          'WorkloadEndpoint',
          { namespace, labels: { role: workload } },
          { ...spec, ipNetworks: [`${ip}/32`], profiles },
        ),
      )
  }
}

describe('commands on a datastore', async () => {
  let runner: CaseRunner
  before(async () => {
    const cluster = await TestCluster.start()
    await buildScene(cluster)
    runner = { cluster, dir: caseFolder(FILES), scene: await cluster.everything(), variable: VARIABLE }
    if (process.env['RECORD_CASES'] !== undefined) await recordCases('etcd', runner)
  })
  after(async () => {
    await runner.cluster.stop()
    removeFolder(runner.dir)
  })
  for (const [at, one] of readCases('etcd').entries())
    test(`${at + 1} calicoctl ${one.line}`, () => checkCase(runner, one))
})
