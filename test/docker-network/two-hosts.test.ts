// Docker's own client and daemon on two hosts, with Calico as network and IPAM driver: reach and isolation, policy by
// container label, refusals, restarts of everything, and nothing left afterwards.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireOwnNamespace } from '@calico-node/testkit'
import { networkRecords, recordsOf, soon, withDockerHosts, type DockerHost } from './docker-host.ts'

requireOwnNamespace()

const ONLY_WEB = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: { name: only-web }
spec:
  selector: role == 'db'
  ingress: [{ action: Allow, source: { selector: role == 'web' } }]
  egress: [{ action: Allow }]
`
const POOL = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: small }
spec: { cidr: 10.77.0.0/24 }
`
const label = (role: string): string[] => ['--label', `org.projectcalico.label.role=${role}`]

test('Docker on two hosts: reach, policy by label, refusals, restarts of everything, nothing left', () =>
  withDockerHosts({}, async (lab, [one, two]) => {
    assert.ok(one && two)
    const { machine } = one.host
    await machine.must(['calicoctl', 'apply', '-f', '-'], { input: POOL })
    for (const each of [one, two]) for (const net of ['blue', 'green']) await each.createNetwork(net)
    await one.createNetwork('small', '--subnet', '10.77.0.0/24')

    const again = ['--restart', 'always']
    await one.run('web', ...again, '--network', 'blue', '--hostname', 'web', ...label('web'))
    await one.run('other', ...again, '--network', 'blue')
    await one.run('stranger', '--network', 'green')
    await one.run('fixed', ...again, '--network', 'small', '--ip', '10.77.0.7', '--mac-address', '02:42:0a:4d:00:07')
    await two.run('db', ...again, '--network', 'blue', ...label('db'))
    const db = await two.addressOn('db', 'blue')
    for (const name of ['web', 'other']) await soon(`${name} to reach db across hosts`, () => one.pings(name, db))
    await soon('web to find other by its name', () => one.pings('web', 'other'))
    assert.ok(!(await one.pings('stranger', db)), 'another network must be kept out')
    assert.equal(await one.addressOn('fixed', 'small'), '10.77.0.7')
    assert.match(await one.inside('fixed', 'ip', 'link'), /02:42:0a:4d:00:07/)

    await machine.must(['calicoctl', 'apply', '-f', '-'], { input: ONLY_WEB })
    await soon('other to be kept out', async () => !(await one.pings('other', db)))
    assert.ok(await one.pings('web', db), 'web must still reach db')

    await refusals(one)

    // The plugin is killed and Docker starts a container meanwhile: it waits for the plugin.
    await one.killPlugin()
    const started = one.run('late', '--network', 'blue', ...label('web'))
    one.startPlugin()
    await started
    await soon('late to reach db', () => one.pings('late', db))
    await one.engine.docker('rm', '-f', 'late', 'stranger')

    // Docker's daemon crashes: what it left of its containers goes, and they start anew.
    const before = await recordsOf(lab, 'host1')
    assert.equal(before.endpoints.length, 3)
    assert.equal(before.handles.length, 3)
    await one.crashDocker()
    await one.engine.start()
    await soon('web to reach db after a crash of Docker', async () => one.pings('web', db))
    assert.equal(await one.addressOn('fixed', 'small'), '10.77.0.7')

    // Everything on the host ends without warning, as when it loses power, and starts again.
    await one.losePower()
    one.startPlugin()
    await one.engine.start()
    await one.host.startNode({ IP6: 'autodetect' })
    await soon('web to reach db after a restart of the host', async () => one.pings('web', db))
    await soon('other to be kept out', async () => !(await one.pings('other', db)))
    await soon('the endpoints of before to go', async () => {
      const { endpoints, handles } = await recordsOf(lab, 'host1')
      return endpoints.length === 3 && handles.length === 3
    })
    assert.equal(new Set([...before.endpoints, ...(await recordsOf(lab, 'host1')).endpoints]).size, 6)

    for (const { engine } of [one, two])
      await engine.docker('rm', '-f', ...(await engine.docker('ps', '-aq')).split('\n'))
    await one.engine.docker('network', 'rm', 'blue', 'green', 'small')
    await two.engine.docker('network', 'rm', 'blue', 'green')
    assert.deepEqual(await recordsOf(lab), { endpoints: [], handles: [] })
    assert.deepEqual(await networkRecords(lab), [])
    for (const each of [one, two])
      await soon(`nothing to be left on ${each.host.name}`, async () => (await each.kernelLeftovers()) === '')
    assert.match(await one.host.calicoctl('ipam', 'check'), /found 0 problems/)
  }))

/** Every option that cannot work is refused in words, and leaves nothing. */
async function refusals(one: DockerHost): Promise<void> {
  const pool = ['--subnet', '10.77.0.0/24']
  const networks: [options: string[], message: RegExp][] = [
    [['--internal'], /does not support the flag --internal: write a policy/],
    [['-o', 'a=b'], /does not support the flag a/],
    [['--ipam-opt', 'a=b'], /does not support --ipam-opt a/],
    [['--subnet', '10.1.0.0/16'], /must be the CIDR of a configured Calico IP pool: see "calicoctl get ipPool"/],
    [[...pool, '--ip-range', '10.77.0.0/26'], /does not support --ip-range: make an IPPool/],
    [[...pool, '--gateway', '10.77.0.1'], /does not support --gateway: the gateway of every container is its host/],
    [[...pool, '--aux-address', 'a=10.77.0.9'], /does not support --aux-address: make an IPReservation/],
  ]
  for (const [options, message] of networks) {
    const { code, stderr } = await one.tryNetwork('refused', ...options)
    assert.notEqual(code, 0, options.join(' '))
    assert.match(stderr, message)
  }
  const foreign = await one.engine.exec(['network', 'create', '-d', 'calico', 'refused'])
  assert.match(foreign.stderr, /create the network with --ipam-driver calico-ipam/)

  const containers: [options: string[], message: RegExp][] = [
    [['--network', 'name=blue,driver-opt=a=b'], /does not support --driver-opt a/],
    [['--network', 'small', '--ip', '10.77.0.7'], /10\.77\.0\.7: the address is already assigned/],
    [['--network', 'small', '--ip', '10.78.0.7'], /does not belong to any of this network's subnets/],
    [['--network', 'blue', '--ip', '192.168.0.7'], /user configured subnets/],
  ]
  for (const [options, message] of containers) {
    const { code, stderr } = await one.tryRun('refused', ...options)
    assert.notEqual(code, 0, options.join(' '))
    assert.match(stderr, message)
    await one.engine.docker('rm', '-f', 'refused')
  }
  const unknown = await one.call('calico', 'NetworkDriver.Nonsense', '{}')
  assert.deepEqual([unknown.status, unknown.text], [404, '{"Err":"Calico does not know NetworkDriver.Nonsense"}'])
  const broken = await one.call('calico', 'NetworkDriver.Join', '{')
  assert.deepEqual([broken.status, /not JSON/.test(broken.text)], [400, true])
}
