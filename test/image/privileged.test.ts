// `calicoctl node run --privileged`. Where root lacks a capability itself, an engine refuses --privileged altogether: there the
// container gets what --privileged stands for, less what is missing.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { expectReachable } from '@calico-node/lab'
import { addOpenWorkload } from '../with-lab.ts'
import { type ContainerHost, IMAGE, withContainerHosts } from './with-docker.ts'

/** Of the kernel: that is all that there are. */
const LAST_CAPABILITY = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'))
/** Engines as old as Debian 12's do not know these, and give them to nobody. */
const NEW = new Set(['cap_perfmon', 'cap_bpf', 'cap_checkpoint_restore'])

async function privilegedOptions({ engine }: ContainerHost): Promise<string> {
  const mask = /^CapBnd:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  if (BigInt(`0x${mask}`) === (1n << BigInt(LAST_CAPABILITY + 1)) - 1n) return '--privileged'
  const decoded = await engine.docker('run', '--rm', '--network=none', IMAGE, 'capsh', `--decode=${mask}`)
  const names = (decoded.split('=')[1] ?? '').split(',').filter((name) => !NEW.has(name))
  return [
    ...names.map((name) => `--cap-add=${name.toUpperCase()}`),
    ...['seccomp', 'apparmor', 'systempaths'].map((what) => `--security-opt=${what}=unconfined`),
    '--volume=/dev:/dev',
  ].join(' ')
}

test('a node with all rights', async (t) => {
  await withContainerHosts(['host1', 'host2'], async ([one, two]) => {
    assert.ok(one !== undefined && two !== undefined)
    const { machine } = one.host
    const plan = (await machine.must(['calicoctl', 'node', 'run', '--privileged', '--dryrun'])).split('\n')
    const line = plan.find((text) => text.startsWith('docker run ')) ?? ''
    const options = await privilegedOptions(one)
    t.diagnostic(options === '--privileged' ? options : `--privileged as ${options.split(' ').length} options`)
    await machine.sh(line.replace('--privileged', options))
    await two.run()
    await Promise.all([one, two].map((node) => node.becomesHealthy()))
    const status = await one.inside('grep', '-E', '^(NoNewPrivs|Seccomp):', '/proc/1/status')
    assert.equal(status, 'NoNewPrivs:\t0\nSeccomp:\t0')

    const [a, b] = await Promise.all([addOpenWorkload(one.host, 'a'), addOpenWorkload(two.host, 'b')])
    await expectReachable([
      { from: a, to: b },
      { from: b, to: a },
    ])
    await t.test('goes on with the least rights in its place', async () => {
      await machine.must(['calicoctl', 'node', 'run'])
      await one.becomesHealthy()
      await expectReachable([{ from: a, to: b }])
    })
  })
})
