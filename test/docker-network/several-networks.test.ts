// A container on several networks, of both families: each is reached over its own interface, in both directions, from
// another host. Connecting, disconnecting and restarting leave nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireOwnNamespace } from '@calico-node/testkit'
import { recordsOf, soon, withDockerHosts } from './docker-host.ts'

requireOwnNamespace()

const POOLS = ['red', 'green'].map(
  (name, n) => `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: ${name}4 }
spec: { cidr: 10.${n + 1}.0.0/16, assignmentMode: Manual }
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: ${name}6 }
spec: { cidr: 'fd00:${n + 1}::/64', assignmentMode: Manual }
`,
)
const subnets = (n: number): string[] => ['--ipv6', '--subnet', `10.${n}.0.0/16`, '--subnet', `fd00:${n}::/64`]

test('one container on three networks of two hosts, IPv4 and IPv6', () =>
  withDockerHosts({}, async (lab, [one, two]) => {
    assert.ok(one && two)
    await one.host.machine.must(['calicoctl', 'apply', '-f', '-'], { input: POOLS.join('---') })
    for (const each of [one, two]) {
      await each.createNetwork('any', '--ipv6')
      await each.createNetwork('red', ...subnets(1))
      await each.createNetwork('green', ...subnets(2))
    }
    const networks = ['any', 'red', 'green'] as const
    for (const network of networks) await two.run(`${network}-peer`, '--network', network)
    await one.run('hub', '--network', 'any')
    for (const network of ['red', 'green']) await one.engine.docker('network', 'connect', network, 'hub')

    const check = async (): Promise<void> => {
      for (const network of networks)
        for (const field of ['IPAddress', 'GlobalIPv6Address']) {
          const [hub, peer] = [
            await one.addressOn('hub', network, field),
            await two.addressOn(`${network}-peer`, network, field),
          ]
          assert.notEqual(hub, '')
          await soon(`hub to reach ${peer} on ${network}`, () => one.pings('hub', peer))
          await soon(`${peer} to reach hub at ${hub} on ${network}`, () => two.pings(`${network}-peer`, hub))
        }
    }
    await check()
    // From its address on one network it does not get into another, and the host knows each source on its interface only.
    assert.ok(!(await two.pings('red-peer', await one.addressOn('hub', 'green'))), 'red must not reach green')
    await one.engine.docker('restart', '-t', '0', 'hub')
    await check()

    await one.engine.docker('network', 'disconnect', 'red', 'hub')
    await soon('hub to reach green still', async () => one.pings('hub', await two.addressOn('green-peer', 'green')))
    assert.equal((await recordsOf(lab, 'host1')).endpoints.length, 2)
    await one.engine.docker('network', 'connect', 'red', 'hub')
    await check()

    // Two networks of the same addresses cannot be told apart.
    await one.createNetwork('any2')
    const { code, stderr } = await one.engine.exec(['network', 'connect', 'any2', 'hub'])
    assert.notEqual(code, 0)
    assert.match(stderr, /share addresses .*: give one of them a pool of its own, .* as --subnet/)
    await one.engine.docker('stop', '-t', '0', 'hub')
    await one.engine.docker('network', 'disconnect', 'any2', 'hub')
    await one.engine.docker('start', 'hub')
    await check()

    await one.engine.docker('rm', '-f', 'hub')
    assert.deepEqual(await recordsOf(lab, 'host1'), { endpoints: [], handles: [] })
    await soon('nothing to be left', async () => (await one.kernelLeftovers()) === '')
  }))
