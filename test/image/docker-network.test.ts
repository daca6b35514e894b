// The Docker network plugin inside the container, with no more rights than documented: it serves the Docker that runs it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { requireOwnNamespace } from '@calico-node/testkit'
import { LEAST_PRIVILEGE, withContainerHosts, type ContainerHost } from './with-docker.ts'

requireOwnNamespace()

const RIGHTS = [
  ...LEAST_PRIVILEGE,
  '--volume=/run/docker/plugins:/run/docker/plugins',
  '--volume=/var/run/docker.sock:/var/run/docker.sock',
]
const ENV = {
  CALICO_LIBNETWORK_ENABLED: 'true',
  CALICO_LIBNETWORK_LABEL_ENDPOINTS: 'true',
  CALICO_LIBNETWORK_LEFTOVER_DELAY: '3s',
}
const ENDPOINTS = '/calico/resources/v3/projectcalico.org/workloadendpoints/libnetwork/'

async function importBusybox({ host: { machine }, engine }: ContainerHost): Promise<void> {
  const root = join(machine.dir, 'rootfs')
  await machine.sh(`mkdir -p ${root}/bin && cp /bin/busybox ${root}/bin/ && tar -C ${root} -cf ${root}.tar .`)
  await engine.docker('import', `${root}.tar`, 'busybox')
}

test('the container serves Docker networks, and a new one takes over', () =>
  withContainerHosts(['host1'], async ([host], lab) => {
    assert.ok(host)
    const { engine } = host
    await Promise.all([host.run({ rights: RIGHTS, env: ENV }), importBusybox(host)])
    await host.becomesHealthy()
    await engine.docker('network', 'create', '-d', 'calico', '--ipam-driver', 'calico-ipam', 'blue')
    const label = ['--label', 'org.projectcalico.label.role=web']
    const start = async (name: string): Promise<unknown> =>
      engine.docker(
        'run',
        '-d',
        '--name',
        name,
        '--network',
        'blue',
        ...label,
        'busybox',
        '/bin/busybox',
        'sleep',
        '9999',
      )
    const reaches = async (from: string, to: string): Promise<unknown> =>
      waitFor(
        `${from} to reach ${to}`,
        async () => {
          const { code } = await engine.exec(['exec', from, '/bin/busybox', 'ping', '-c', '1', '-W', '1', to])
          return code === 0
        },
        { deadlineMs: 30_000 },
      )
    await start('aa')
    await start('bb')
    await reaches('aa', 'bb')
    await waitFor('the endpoints to have the label of their containers', async () =>
      (await host.inside('calicoctl', 'get', 'wep', '-n', 'libnetwork', '-o', 'yaml')).includes('role: web'),
    )

    await host.remove() // the upgrade of a node
    await reaches('aa', 'bb')
    await host.run({ rights: RIGHTS, env: ENV })
    await start('cc')
    await reaches('cc', 'aa')
    await engine.docker('rm', '-f', 'aa', 'bb', 'cc')
    await engine.docker('network', 'rm', 'blue')
    assert.deepEqual(await lab.etcd.keys(ENDPOINTS), [])
    assert.match(await host.inside('calicoctl', 'ipam', 'check'), /found 0 problems/)
  }))
