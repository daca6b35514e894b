/** The documents' container commands on real network namespaces, with a real etcd. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { existsSync, rmSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { after, before, beforeEach, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { initialise } from '@calico-node/datastore'
import { run } from '@calico-node/linux'
import { makeResource, type WorkloadEndpointResource } from '@calico-node/model'
import { TestCluster } from './harness.test.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

let cluster: TestCluster
const NO_DOCKER = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' }
const calicoctl = (line: string, env: Record<string, string> = NO_DOCKER) => cluster.cli(line, { env })
const ok = async (line: string, env?: Record<string, string>): Promise<string> => {
  const { exit, stdout, stderr } = await calicoctl(line, env)
  assert.deepEqual([exit, stderr], [0, ''], line)
  return stdout
}
const inside = (netns: string, ...words: string[]): Promise<string> => run('ip', ['netns', 'exec', netns, ...words])
const endpoints = (): Promise<WorkloadEndpointResource[]> => cluster.client.resources('WorkloadEndpoint').list()
async function only(): Promise<WorkloadEndpointResource> {
  const [endpoint, ...more] = await endpoints()
  assert.ok(endpoint !== undefined && more.length === 0)
  return endpoint
}
const calis = async (): Promise<string[]> => (await run('ip', ['-br', 'link'])).match(/^cali\w+/gm) ?? []

before(async () => {
  cluster = await TestCluster.start()
  await run('ip', ['link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0p'])
  for (const address of ['10.20.0.1/24', 'fd00:20::1/64']) await run('ip', ['address', 'add', address, 'dev', 'eth0'])
  await run('ip', ['link', 'set', 'eth0', 'up'])
})
after(() => cluster.stop())

beforeEach(async () => {
  for (const name of (await run('ip', ['netns', 'list'])).match(/^\S+/gm) ?? [])
    await run('ip', ['netns', 'delete', name])
  for (const link of await calis()) await run('ip', ['link', 'delete', link]).catch(() => undefined)
  await cluster.wipe()
  await initialise(cluster.client)
  await cluster.client
    .resources('Node')
    .create(
      makeResource('Node', { name: 'host-a' }, { bgp: { ipv4Address: '10.20.0.1/24', ipv6Address: 'fd00:20::1/64' } }),
    )
  for (const [name, cidr] of [
    ['four', '192.168.0.0/16'],
    ['six', 'fd80:24e2:f998:72d6::/64'],
  ] as const) {
    await cluster.client.resources('IPPool').create(makeResource('IPPool', { name }, { cidr }))
  }
  await cluster.store.put('/calico/ipam/v2/config', '{"auto_allocate_blocks":true}') // else the first assignment makes it
  for (const name of ['workload_A', 'workload_B']) await run('ip', ['netns', 'add', name])
})

describe('container add', () => {
  test('connects a namespace as the documents say', async () => {
    assert.match(await ok('container add workload_A 192.168.1.1'), /^IP 192\.168\.1\.1 added to workload_A\n$/)
    const { spec } = await only()
    assert.deepEqual(
      [spec.node, spec.orchestrator, spec.ipNetworks, spec.ipv4Gateway, spec.profiles],
      ['host-a', 'namespace', ['192.168.1.1/32'], '10.20.0.1', undefined],
    )
    assert.deepEqual(await calis(), [spec.interfaceName])
    assert.match(await inside('workload_A', 'ip', '-4', 'address', 'show', 'eth1'), /inet 192\.168\.1\.1\/32/)
    assert.match(await inside('workload_A', 'ip', 'route'), /^default via 10\.20\.0\.1 dev eth1/m)
    assert.match(await inside('workload_A', 'ip', 'link', 'show', 'eth1'), new RegExp(spec.mac ?? 'no mac'))
  })
  test('takes an address by itself', async () => {
    assert.match(await ok('container add workload_A'), /^IP 192\.168\.\d+\.\d+ added to workload_A\n$/)
    assert.match(await ok('container add workload_B ipv6'), /^IP fd80:24e2:f998:72d6:\S+ added to workload_B\n$/)
  })
  test('takes an address of a pool by its CIDR, and an interface name', async () => {
    await ok('container add workload_A 192.168.0.0/16 --interface=eth7')
    assert.match(await inside('workload_A', 'ip', 'link'), /eth7@/)
  })
  test('knows a namespace by every name it has', async () => {
    await ok('container add netns:workload_A')
    await ok('container add /run/netns/workload_B')
    assert.equal((await endpoints()).length, 2)
    await ok('container remove workload_B')
    await ok('container remove /var/run/netns/workload_A')
    assert.equal((await endpoints()).length, 0)
  })

  const refused: [line: string, message: RegExp][] = [
    [
      'container add nosuch',
      /Cannot find container "nosuch": no Docker engine listens on \/nonexistent\/docker\.sock, and \/run\/netns\/nosuch does not exist/,
    ],
    ['container add netns:nosuch', /network namespace "netns:nosuch"/],
    ['container add workload_A 10.99.0.1', /10\.99\.0\.1/],
    ['container add workload_A 192.168.1.300', /want ipv4, ipv6, an IP address or the CIDR of a pool/],
    ['container add workload_A 10.0.0.0/8', /10\.0\.0\.0\/8/],
  ]
  for (const [line, message] of refused) {
    test(`refuses "${line}" and leaves nothing`, async () => {
      const before = await cluster.everything()
      const { exit, stdout, stderr } = await calicoctl(line)
      assert.deepEqual([exit, stdout], [1, ''])
      assert.match(stderr, message)
      assert.deepEqual(await calis(), [])
      assert.deepEqual(await cluster.everything(), before)
    })
  }
  test('refuses a container that is connected already', async () => {
    await ok('container add workload_A')
    const { exit, stderr } = await calicoctl('container add workload_A')
    assert.deepEqual([exit, stderr], [1, 'workload_A has already been configured with Calico Networking.\n'])
    assert.equal((await calis()).length, 1)
  })
  test('refuses an address that is taken', async () => {
    await ok('container add workload_A 192.168.1.1')
    const { exit, stderr } = await calicoctl('container add workload_B 192.168.1.1')
    assert.equal(exit, 1)
    assert.match(stderr, /192\.168\.1\.1/)
  })
  test('refuses to work while the datastore is locked', async () => {
    await ok('datastore migrate lock')
    assert.match((await calicoctl('container add workload_A')).stderr, /datastore is locked/)
  })
  test('says that the node is not set up', async () => {
    await cluster.client.resources('Node').delete('host-a')
    assert.match((await calicoctl('container add workload_A')).stderr, /Node "host-a" is not set up/)
  })
})

describe('container remove', () => {
  test('takes everything away, also when the namespace is gone', async () => {
    await ok('container add workload_A 192.168.1.1')
    await run('ip', ['netns', 'delete', 'workload_A'])
    assert.equal(await ok('container remove workload_A'), 'Removed Calico from workload_A\n')
    assert.deepEqual(await endpoints(), [])
    assert.equal(await ok('ipam show --ip=192.168.1.1'), '192.168.1.1 is not assigned\n')
  })
  test('finds nothing where there is nothing', async () => {
    assert.equal(await ok('container remove workload_A'), 'Failed find Calico data for workload_A\n')
    assert.equal(await ok('container remove nosuch'), 'Failed find Calico data for nosuch\n')
  })
})

describe('container ip', () => {
  test('adds and removes addresses of a connected container', async () => {
    await ok('container add workload_A 192.168.1.1')
    assert.equal(await ok('container workload_A ip add 192.168.1.2'), 'IP 192.168.1.2 added to workload_A\n')
    assert.match(await ok('container workload_A ip add ipv6'), /^IP fd80:/)
    assert.equal((await only()).spec.ipNetworks?.length, 3)
    assert.match(await inside('workload_A', 'ip', '-4', 'address', 'show', 'eth1'), /inet 192\.168\.1\.2\/32/)
    assert.equal(await ok('container workload_A ip remove 192.168.1.1'), 'IP 192.168.1.1 removed from workload_A\n')
    assert.equal((await only()).spec.ipNetworks?.length, 2)
    assert.doesNotMatch(await inside('workload_A', 'ip', '-4', 'address', 'show', 'eth1'), /192\.168\.1\.1\//)
  })
  test('refuses an address that the container does not have', async () => {
    await ok('container add workload_A')
    assert.equal((await calicoctl('container workload_A ip remove 192.168.77.1')).exit, 1)
  })
})

describe('container show', () => {
  test('lists the endpoints of this host, of one container, and complains about an unknown one', async () => {
    await ok('container add workload_A 192.168.1.1')
    await ok('container add workload_B 192.168.1.2')
    assert.match(
      await ok('container show'),
      /192\.168\.1\.1\/32[\s\S]*192\.168\.1\.2\/32|192\.168\.1\.2\/32[\s\S]*192\.168\.1\.1\/32/,
    )
    const one = await ok('container workload_A endpoint show')
    assert.match(one, /192\.168\.1\.1\/32/)
    assert.doesNotMatch(one, /192\.168\.1\.2\/32/)
    assert.equal((await calicoctl('container show nosuch')).exit, 1)
  })
})

describe('the lifecycle document, word for word', () => {
  test('container add, profile add, profile set', async () => {
    await ok('container add workload_A')
    await ok('container add workload_B')
    assert.equal(await ok('profile add PROF_A_B'), 'Created profile PROF_A_B\n')
    assert.equal(await ok('container workload_A profile set PROF_A_B'), 'Profile(s) set to PROF_A_B.\n')
    assert.equal(await ok('container workload_B profile set PROF_A_B'), 'Profile(s) set to PROF_A_B.\n')
    for (const { spec } of await endpoints()) assert.deepEqual(spec.profiles, ['prof-a-b-2d6a3311'])
    const { spec } = await cluster.client.resources('Profile').get('prof-a-b-2d6a3311')
    assert.deepEqual(spec.labelsToApply, { PROF_A_B: '' })
    assert.deepEqual(
      [spec.ingress?.[0]?.source?.selector, spec.ingress?.[0]?.action, spec.egress?.[0]?.action],
      ['has(PROF_A_B)', 'Allow', 'Allow'],
    )
    assert.match(await ok('container show'), /PROF_A_B/)
    assert.match(await ok('profile show --detailed'), /\| PROF_A_B +\| host-a \| namespace/)
  })
})

describe('where a Docker engine runs', () => {
  const socket = '/run/docker-test.sock'
  let server: Server
  let sleeper: ReturnType<typeof spawn>
  let answer: { status: number; body: object }
  before(async () => {
    // The engine's only question is answered as a real one does; what follows happens to a real process in a namespace.
    server = createServer((request, response) => {
      const known = request.url === '/containers/web/json'
      response.writeHead(known ? answer.status : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify(known ? answer.body : { message: 'No such container' }))
    })
    rmSync(socket, { force: true })
    await new Promise<void>((done) => server.listen(socket, done))
    sleeper = spawn('unshare', ['--net', 'sleep', '600'])
    await waitFor('the namespace', () => existsSync(`/proc/${sleeper.pid}/ns/net`) || undefined)
  })
  after(() => {
    sleeper.kill()
    server.close()
  })
  const env = { DOCKER_HOST: `unix://${socket}` }
  const id = 'c0ffee'.padEnd(64, '0')
  const container = (state: object, networkMode = 'none'): typeof answer => ({
    status: 200,
    body: { Id: id, Name: '/web', State: state, HostConfig: { NetworkMode: networkMode } },
  })

  test('a container is known by its id', async () => {
    answer = container({ Running: true, Pid: sleeper.pid })
    await waitFor(
      'its own namespace',
      async () =>
        (await run('readlink', [`/proc/${sleeper.pid}/ns/net`])) !== (await run('readlink', ['/proc/self/ns/net'])),
    )
    await ok('container add web', env)
    const { spec } = await only()
    assert.deepEqual([spec.orchestrator, spec.workload], ['docker', id])
    await ok('container web profile set', env)
    assert.equal(await ok('container remove web', env), 'Removed Calico from web\n')
  })
  test('a name that the engine does not know may be a namespace', async () => {
    await ok('container add workload_A', env)
    assert.equal((await only()).spec.orchestrator, 'namespace')
  })
  const refused: [why: string, answer: () => typeof answer, message: RegExp][] = [
    ['a container that does not run', () => container({ Running: false, Pid: 0 }), /does not run; start it first/],
    ['a container on the network of the host', () => container({ Running: true, Pid: 1 }, 'host'), /--net=none/],
    ['an engine in trouble', () => ({ status: 500, body: { message: 'disk full' } }), /status 500: disk full/],
  ]
  for (const [why, reply, message] of refused) {
    test(`refuses ${why}`, async () => {
      answer = reply()
      const { exit, stderr } = await calicoctl('container add web', env)
      assert.equal(exit, 1)
      assert.match(stderr, message)
      assert.deepEqual(await calis(), [])
    })
  }
})
