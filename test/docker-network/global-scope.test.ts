// Networks of all hosts: each Docker has the cluster store, a network that is made on one host is there on the others, and
// containers find one another by name across hosts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireOwnNamespace } from '@calico-node/testkit'
import { networkRecords, recordsOf, soon, withDockerHosts } from './docker-host.ts'

requireOwnNamespace()

test('a network of global scope is one network on all hosts', () =>
  withDockerHosts(
    {
      lab: { etcdArgs: ['--enable-v2'] },
      env: { CALICO_LIBNETWORK_SCOPE: 'global' },
      flags: ({ addresses }) => [
        '--cluster-store=etcd://172.30.0.1:2379',
        `--cluster-advertise=${addresses.ipv4}:2376`,
      ],
    },
    async (lab, [one, two]) => {
      assert.ok(one && two)
      await one.createNetwork('wide')
      await soon('the network to be on the other host', async () =>
        (await two.engine.docker('network', 'ls', '--format', '{{.Name}} {{.Scope}}')).includes('wide global'),
      )
      await two.run('beta', '--network', 'wide') // this host was never told of the network
      await one.run('alpha', '--network', 'wide')
      await soon('alpha to reach beta by its name', () => one.pings('alpha', 'beta'))
      await soon('beta to reach alpha by its name', () => two.pings('beta', 'alpha'))
      assert.equal((await networkRecords(lab)).length, 1)

      await two.crashDocker()
      await two.engine.start()
      await two.engine.docker('start', 'beta')
      await soon('alpha to reach beta again', () => one.pings('alpha', 'beta'))

      await one.engine.docker('rm', '-f', 'alpha')
      await two.engine.docker('rm', '-f', 'beta')
      await soon('no endpoint or address to be left', async () => {
        const { endpoints, handles } = await recordsOf(lab)
        return endpoints.length + handles.length === 0
      })
      await two.engine.docker('network', 'rm', 'wide')
      assert.deepEqual(await networkRecords(lab), [])
      await soon('the network to be gone', async () => !(await one.engine.docker('network', 'ls')).includes('wide'))
    },
  ))
