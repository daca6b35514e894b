// The lifecycle page with Docker itself: the node is the image that calicoctl runs, its workloads are containers.
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parseLifecycle, play, type Command, type Lab } from '@calico-node/lab'
import { ContainerHost } from './with-docker.ts'

const root = resolve(import.meta.dirname, '../..')

/** As an operator with Docker would type it. A container's namespace also gets its name, to look into it by. */
function withDocker({ text }: Command): string {
  const [, container] = /^ip netns add (\S+)$/.exec(text) ?? []
  if (text === 'IP6=autodetect start-node') return 'calicoctl node run --ip6=autodetect'
  if (container === undefined) return text
  return `docker run --net=none --name=${container} -tid workload sleep 100000 &&
    ln -s /proc/$(docker inspect -f '{{.State.Pid}}' ${container})/ns/net /run/netns/${container}`
}

/** A root with nothing but busybox. */
async function makeWorkloadImage({ host: { machine } }: ContainerHost): Promise<void> {
  const bin = join(machine.dir, 'workload/bin')
  mkdirSync(bin, { recursive: true })
  copyFileSync('/bin/busybox', join(bin, 'busybox'))
  await machine.sh(`ln -sf busybox ${bin}/sleep && tar -C ${machine.dir}/workload -c . | docker import - workload`)
}

test('the lifecycle page, with containers of Docker', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'calico-lab-'))
  const output: string[] = []
  const hosts: ContainerHost[] = []
  const prepare = async (lab: Lab): Promise<void> => {
    for (const host of lab.hosts.values()) hosts.push(new ContainerHost(host, lab.etcd.endpoint))
    await Promise.all(
      hosts.map(async (host) => {
        await host.startEngine()
        await makeWorkloadImage(host)
      }),
    )
  }
  try {
    const sections = parseLifecycle(readFileSync(join(root, 'docs/lifecycle.md'), 'utf8'))
    const print = (line: string): void => void output.push(line)
    const { failed, passed, lab } = await play({ root, dir, sections, print, prepare, translate: withDocker })
    try {
      assert.equal(failed, 0, output.join('\n'))
      assert.ok(passed >= 15, `only ${passed} expectations`)
      for (const host of hosts) {
        assert.match(await host.inspect('{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Privileged}}'), /^true false$/)
        await host.becomesHealthy()
      }
    } catch (err) {
      for (const host of hosts) console.log(`==> ${host.name} calico/node <==\n${await host.log()}`)
      throw err
    } finally {
      await Promise.all(hosts.map(async ({ engine }) => engine.stop()))
      await lab.stop()
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
