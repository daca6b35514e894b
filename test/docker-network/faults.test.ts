// The plugin under faults: etcd away, killed at any moment, out of addresses, orphans of a crash. Nothing leaks, a retry
// succeeds, and the error says what to do.
import assert from 'node:assert/strict'
import { sleep } from '@calico-node/core'
import { test } from 'node:test'
import { requireOwnNamespace } from '@calico-node/testkit'
import { networkRecords, recordsOf, soon, withDockerHosts, type DockerHost } from './docker-host.ts'
import type { Lab } from '@calico-node/lab'

requireOwnNamespace()

const POOL = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: tiny }
spec: { cidr: 10.99.0.0/30, blockSize: 30, assignmentMode: Manual }
`
const ORPHAN = `
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: { name: host1-libnetwork-libnetwork-0rphan, namespace: libnetwork }
spec:
  { node: host1, orchestrator: libnetwork, workload: libnetwork, endpoint: 0rphan, interfaceName: cali0rphan, ipNetworks: [192.168.99.99/32] }
`
/** As an attempt leaves it that was killed before it took its address. */
const EARLY_HANDLE = { handleID: 'libnetwork.host1.early', block: { '10.99.0.0/30': 1 }, deleted: false }
/** Over all of a start or a stop of a container; the steps are small enough to hit each request. */
const KILL_DELAYS_MS = Array.from({ length: 6 }, (_, n) => 40 + n * 60)

test('faults on one host', () =>
  withDockerHosts({ lab: { hosts: ['host1'] } }, async (lab, [one]) => {
    assert.ok(one)
    await one.host.machine.must(['calicoctl', 'apply', '-f', '-'], { input: POOL })
    await one.createNetwork('net')
    await one.createNetwork('tiny', '--subnet', '10.99.0.0/30')

    await killsWhileStarting(one)
    await nothingIsLeft(lab, one)
    await withoutEtcd(lab, one)
    await nothingIsLeft(lab, one)
    await fullPool(one)
    await nothingIsLeft(lab, one)
    await orphans(lab, one)
    assert.match(await one.host.calicoctl('ipam', 'check'), /found 0 problems/)
  }))

async function nothingIsLeft(lab: Lab, one: DockerHost): Promise<void> {
  await soon('no endpoint or address to be left', async () => {
    const { endpoints, handles } = await recordsOf(lab)
    if (endpoints.length + handles.length === 0) return true
    throw new Error([...endpoints, ...handles].join(' '))
  })
  await soon('no interface or route to be left', async () => (await one.kernelLeftovers()) === '')
}

/**
 * Docker asks again when the plugin is not there, so a start succeeds. A request that the plugin was killed in is repeated
 * without its content: that start fails, says so, and the next one succeeds. The address is the same each time.
 */
async function killsWhileStarting(one: DockerHost): Promise<void> {
  const fixed = ['--network', 'tiny', '--ip', '10.99.0.2']
  for (const delayMs of KILL_DELAYS_MS) {
    const run = one.tryRun('cc', ...fixed)
    await sleep(delayMs)
    await one.killPlugin()
    one.startPlugin()
    const { code, stderr } = await run
    if (code !== 0) {
      assert.match(stderr, /the request is empty, as Docker repeats one/, `killed after ${delayMs} ms`)
      await one.engine.docker('start', 'cc')
    }
    assert.match(await one.inside('cc', 'ip', 'addr'), /10\.99\.0\.2\/32/)
    await soon(
      'the host to reach the container',
      async () => (await one.host.machine.exec(['ping', '-c1', '-W1', '10.99.0.2'])).code === 0,
    )
    const removal = one.engine.docker('rm', '-f', 'cc')
    await sleep(delayMs / 2)
    await one.killPlugin()
    one.startPlugin()
    await removal
  }
}

async function withoutEtcd(lab: Lab, one: DockerHost): Promise<void> {
  await one.run('stays', '--network', 'net')
  await one.run('goes', '--network', 'net')
  await one.createNetwork('doomed')
  await lab.etcd.stop()
  const started = await one.tryRun('cc', '--network', 'net')
  assert.notEqual(started.code, 0)
  assert.match(started.stderr, /etcd does not answer: check ETCD_ENDPOINTS/)
  assert.match((await one.tryNetwork('another')).stderr, /etcd does not answer/)
  const connected = await one.engine.exec(['network', 'connect', 'tiny', 'stays'])
  assert.match(connected.stderr, /etcd does not answer: check ETCD_ENDPOINTS/)
  await one.engine.docker('rm', '-f', 'goes', 'cc') // Docker forgets; the plugin does not
  await one.engine.docker('network', 'rm', 'doomed')
  await lab.etcd.start()
  await soon('the endpoint to go once etcd is back', async () => (await recordsOf(lab)).endpoints.length === 1)
  await soon('the record of the network to go', async () => (await networkRecords(lab)).length === 2)
  await one.engine.docker('network', 'connect', 'tiny', 'stays')
  assert.match(await one.addressOn('stays', 'tiny'), /^10\.99\.0\./)
  await one.engine.docker('network', 'disconnect', 'tiny', 'stays')
  await one.run('cc', '--network', 'net')
  await soon('c to reach the one that stayed', async () => one.pings('cc', await one.addressOn('stays', 'net')))
  await one.engine.docker('rm', '-f', 'cc', 'stays')
}

async function fullPool(one: DockerHost): Promise<void> {
  const names = ['p1', 'p2', 'p3', 'p4']
  for (const name of names) await one.run(name, '--network', 'tiny')
  const { code, stderr } = await one.tryRun('p5', '--network', 'tiny')
  assert.notEqual(code, 0)
  assert.match(stderr, /release unused addresses, see "calicoctl ipam check", or add an IPPool/)
  await one.engine.docker('rm', '-f', 'p1')
  await one.engine.docker('start', 'p5')
  await one.engine.docker('rm', '-f', ...names.slice(1), 'p5')
}

/** What a crash leaves, and Docker does not know, goes when the plugin starts; what is in use stays. */
async function orphans(lab: Lab, one: DockerHost): Promise<void> {
  await one.run('stays', '--network', 'net')
  await one.killPlugin()
  await one.host.machine.sh('ip link add cali0rphan type veth peer name 0rphan')
  await one.host.machine.must(['calicoctl', 'apply', '-f', '-'], { input: ORPHAN })
  await lab.etcd.must('put', `/calico/ipam/v2/handle/${EARLY_HANDLE.handleID}`, JSON.stringify(EARLY_HANDLE))
  one.startPlugin()
  await soon('the orphans to go', async () => {
    const { endpoints, handles } = await recordsOf(lab)
    return endpoints.length === 1 && handles.length === 1
  })
  assert.equal((await one.host.machine.exec(['ip', 'link', 'show', 'cali0rphan'])).code, 1)
  await soon('the other one to be reached', async () => {
    const address = await one.addressOn('stays', 'net')
    return (await one.host.machine.exec(['ping', '-c1', '-W1', address])).code === 0
  })
  await one.engine.docker('rm', '-f', 'stays')
}
