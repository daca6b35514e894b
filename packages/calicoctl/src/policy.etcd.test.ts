/** trace and preview on a datastore. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { initialise } from '@calico-node/datastore'
import { makeResource } from '@calico-node/model'
import { TestCluster } from './harness.test.ts'

let cluster: TestCluster
before(async () => {
  cluster = await TestCluster.start()
  await initialise(cluster.client)
  for (const [name, ip] of [
    ['host-a', '10.20.0.1'],
    ['host-b', '10.20.0.2'],
  ] as const) {
    await cluster.client.resources('Node').create(makeResource('Node', { name }, { bgp: { ipv4Address: `${ip}/24` } }))
  }
  await cluster.cli('profile add PROF_A_B')
  for (const [workload, node, ip] of [
    ['web', 'host-a', '192.168.0.1'],
    ['db', 'host-b', '192.168.0.2'],
  ] as const) {
    await cluster.client.resources('WorkloadEndpoint').create(
      makeResource(
        'WorkloadEndpoint',
        { namespace: 'default', labels: { role: workload } },
        {
          node,
          orchestrator: 'docker',
          workload,
          endpoint: `${workload}0`,
          ipNetworks: [`${ip}/32`],
          interfaceName: `cali${workload}`,
          profiles: ['prof-a-b-2d6a3311'],
        },
      ),
    )
  }
})
after(() => cluster.stop())

const POLICY = `apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: deny-db}
spec:
  selector: role == 'db'
  ingress:
  - {action: Deny, protocol: TCP, destination: {ports: [5432]}}
  - {action: Allow}
`

describe('trace', () => {
  test('names the profile as it was typed and exits 0 when allowed', async () => {
    const { exit, stdout } = await cluster.cli('trace web db --port=5432')
    assert.equal(exit, 0)
    assert.match(
      stdout,
      /^TCP 192\.168\.0\.1 \(default\/host--a-docker-web-web0 on host-a\) -> 192\.168\.0\.2 .* port 5432$/m,
    )
    assert.match(stdout, /allowed by profile "PROF_A_B", rule 1/)
  })
  test('exits 2 when denied, and tells a program', async () => {
    const { exit, stdout } = await cluster.cli('trace 203.0.113.9 db --protocol=icmp -o json')
    assert.equal(exit, 2)
    const { flow, verdict } = JSON.parse(stdout)
    assert.deepEqual([flow.icmp.type, verdict.action, verdict.hosts[0].node], [8, 'deny', 'host-b'])
  })
  const bad: [line: string, message: RegExp][] = [
    ['trace web nosuch', /Cannot find "nosuch"/],
    ['trace web db --port=70000', /"70000"/],
    ['trace web db --protocol=x', /"x"/],
  ]
  for (const [line, message] of bad) {
    test(line, async () => {
      const { exit, stderr } = await cluster.cli(line)
      assert.equal(exit, 1)
      assert.match(stderr, message)
    })
  }
})

describe('preview', () => {
  test('tells what would be cut, and changes nothing', async () => {
    const held = await cluster.everything()
    const { exit, stdout, stderr } = await cluster.cli('preview -f -', { stdin: POLICY })
    assert.deepEqual([exit, stderr], [0, ''])
    assert.match(
      stdout,
      /^allow -> deny +default\/host--a-docker-web-web0 +default\/host--b-docker-db-db0 +tcp 5432 +$/m,
    )
    assert.match(stdout, /^deny -> allow +192\.0\.2\.1 \(outside\) +default\/host--b-docker-db-db0 +tcp 40000 +$/m)
    assert.match(stdout, /^4 of \d+ connections would change\.$/m)
    assert.deepEqual(await cluster.everything(), held)
  })
  test('tells that a host endpoint without policy closes its host', async () => {
    const hep =
      'apiVersion: projectcalico.org/v3\nkind: HostEndpoint\nmetadata: {name: a}\n' +
      'spec: {node: host-a, interfaceName: eth0, expectedIPs: [10.20.0.1]}\n'
    const { exit, stdout } = await cluster.cli('preview -f - --interface eth0', { stdin: hep })
    assert.equal(exit, 0)
    assert.match(stdout, /^allow -> deny +192\.0\.2\.1 \(outside\) +10\.20\.0\.1 \(node host-a\) +tcp 40000 +$/m)
    assert.match(stdout, /^allow -> deny +10\.20\.0\.1 \(node host-a\) +192\.0\.2\.1 \(outside\) +icmp +$/m)
    // What is forwarded through the host is none of a host endpoint's business.
    assert.doesNotMatch(stdout, /docker-web/)
  })
  test('agrees with trace after apply', async () => {
    assert.equal((await cluster.cli('trace web db --port=5432')).exit, 0)
    await cluster.cli('apply -f -', { stdin: POLICY })
    assert.match(
      (await cluster.cli('trace web db --port=5432')).stdout,
      /denied by GlobalNetworkPolicy "deny-db" of tier "default", rule 1/,
    )
    assert.match(
      (await cluster.cli('preview -f -', { stdin: POLICY })).stdout,
      /^0 of \d+ connections would change\.\n$/,
    )
  })
})
