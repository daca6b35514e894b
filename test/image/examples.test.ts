// The examples for operators, as they stand in the repository.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { withContainerHosts } from './with-docker.ts'

const examples = resolve(import.meta.dirname, '../../examples')
const UNITS = ['calico-node.service', 'calico-etcd-proxy.service'].map((name) => join(examples, 'systemd', name))

/** The commands of one setting of a unit, in order. A leading minus, which allows a command to fail, stays. */
function commandsOf(unit: string, setting: string): string[] {
  const text = readFileSync(unit, 'utf8').replaceAll('\\\n', '')
  return [...text.matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))].map(([, command = '']) => command)
}

test('examples', async (t) => {
  await withContainerHosts(['host1'], async ([node], lab) => {
    assert.ok(node !== undefined)
    const { machine } = node.host
    const state = async (): Promise<string> =>
      node.inspect('{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}')

    await t.test('Docker Compose', async () => {
      const compose = ['docker-compose', '-f', join(examples, 'docker-compose/docker-compose.yml')]
      const env = { ETCD_ENDPOINTS: lab.etcd.endpoint, DOCKER_HOST: 'unix:///run/docker.sock' }
      await machine.sh('touch /run/xtables.lock')
      await machine.must([...compose, 'up', '-d'], { env, timeoutMs: 120_000 })
      await node.becomesHealthy()
      assert.equal(await state(), 'true [ALL] [no-new-privileges]')
      await machine.must([...compose, 'down'], { env })
    })

    await t.test('systemd: the units are valid', async () => {
      const { code, stdout, stderr } = await machine.exec(['systemd-analyze', 'verify', ...UNITS])
      assert.deepEqual([code, stdout, stderr], [0, '', ''])
    })

    await t.test('systemd: what the unit runs is a node', async () => {
      const [unit = ''] = UNITS
      await machine.sh(`mkdir -p /etc/calico && echo ETCD_ENDPOINTS=${lab.etcd.endpoint} >/etc/calico/node.env`)
      for (const command of commandsOf(unit, 'ExecStartPre'))
        await machine.sh(command.startsWith('-') ? `${command.slice(1)} || true` : command)
      const [start = ''] = commandsOf(unit, 'ExecStart')
      const running = machine.exec(['sh', '-c', start], { timeoutMs: 120_000 })
      await waitFor('the container', async () => (await node.engine.exec(['inspect', 'calico-node'])).code === 0)
      await node.becomesHealthy()
      assert.equal(await state(), 'true [ALL] [no-new-privileges]')
      for (const command of commandsOf(unit, 'ExecStop')) await machine.sh(command.replace(/^-/, ''))
      assert.equal((await running).code, 0)
    })
  })
})
