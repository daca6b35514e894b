// The container is replaced by a newer one while traffic flows: nothing is lost, and the neighbour notices no change of a route.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { expectReachable, firstChild, killQuietly, type Machine, Traffic, type Workload } from '@calico-node/lab'
import { addOpenWorkload } from '../with-lab.ts'
import { type ContainerHost, withContainerHosts } from './with-docker.ts'

const NEWER = 'calico/node:newer'
const MIN_PACKETS = 500

/** Follows the kernel's routes of a machine. */
class RouteEvents {
  readonly #file: string
  readonly #pid: number

  constructor(machine: Machine) {
    const name = `routes-${process.hrtime.bigint()}.log`
    this.#file = join(machine.dir, name)
    this.#pid = machine.spawn(['ip', '-timestamp', '-4', 'monitor', 'route'], name)
  }

  /** What happened to routes of BIRD, with BIRD's own mark. */
  stop(): string[] {
    killQuietly(firstChild(this.#pid) ?? this.#pid) // the nsenter ends with it
    return readFileSync(this.#file, 'utf8')
      .split('\n')
      .filter((line) => line.includes('proto bird'))
  }
}

/** The same image under another id, as a newer release would be. */
async function makeNewer({ host: { machine } }: ContainerHost): Promise<void> {
  await machine.must(['docker', 'build', '--quiet', '--tag', NEWER, '-'], {
    input: 'FROM calico/node:latest\nLABEL release=newer\n',
    env: { DOCKER_BUILDKIT: '0' },
    timeoutMs: 120_000,
  })
}

async function isEstablished({ engine }: ContainerHost): Promise<boolean> {
  const { code } = await engine.exec(['exec', 'calico-node', 'calico-node', '-bird-ready'])
  return code === 0
}

async function upgrade(node: ContainerHost): Promise<void> {
  await node.remove()
  await node.run({ image: NEWER })
  await waitFor('the session to be back', async () => isEstablished(node), { deadlineMs: 60_000, pollMs: 250 })
}

test('an upgrade under traffic', async (t) => {
  await withContainerHosts(['host1', 'host2'], async ([one, two]) => {
    assert.ok(one !== undefined && two !== undefined)
    await makeNewer(one)
    await Promise.all([one.run(), two.run()])
    const a = await addOpenWorkload(one.host, 'a')
    const b = await addOpenWorkload(two.host, 'b')
    await expectReachable(
      [
        { from: a, to: b },
        { from: b, to: a },
      ],
      60_000,
    )
    const machines = [one.host.machine, two.host.machine]

    /** Runs `fault` under traffic both ways. */
    const lossOf = async (fault: () => Promise<void>): Promise<{ lost: number; sent: number; events: string[] }> => {
      const watchers = machines.map((machine) => new RouteEvents(machine))
      const flow = async (from: Workload, to: Workload): Promise<Traffic> => new Traffic(from, await to.address())
      const flows = [await flow(a, b), await flow(b, a)]
      await sleep(500)
      await fault()
      await sleep(500)
      const counts = await Promise.all(flows.map(async (traffic) => traffic.stop()))
      const sent = counts.reduce((sum, count) => sum + count.sent, 0)
      const answered = counts.reduce((sum, count) => sum + count.answered, 0)
      return { sent, lost: sent - answered, events: watchers.flatMap((watcher) => watcher.stop()) }
    }

    await t.test('control: without an upgrade nothing is lost', async () => {
      const { lost, sent, events } = await lossOf(async () => sleep(2000))
      assert.ok(sent > MIN_PACKETS, `only ${sent} packets were sent`)
      assert.deepEqual([lost, events], [0, []])
    })

    await t.test('one upgrade: nothing lost, no route changed on either host', async () => {
      const before = await one.inspect('{{.Image}}')
      const { lost, sent, events } = await lossOf(async () => upgrade(one))
      assert.notEqual(await one.inspect('{{.Image}}'), before)
      t.diagnostic(`one upgrade: ${lost} of ${sent} packets lost, ${events.length} route events`)
      assert.ok(sent > MIN_PACKETS, `only ${sent} packets were sent`)
      assert.deepEqual([lost, events], [0, []])
      await one.becomesHealthy()
    })

    await t.test('two upgrades ten seconds apart', async () => {
      const { lost, sent, events } = await lossOf(async () => {
        const started = performance.now()
        await upgrade(one)
        await sleep(Math.max(0, 10_000 - (performance.now() - started)))
        await upgrade(one)
      })
      t.diagnostic(`two upgrades: ${lost} of ${sent} packets lost, ${events.length} route events`)
      assert.deepEqual([lost, events], [0, []])
    })

    await t.test('counter-proof: a BIRD that is told to end withdraws its routes', async () => {
      const { events } = await lossOf(async () => {
        await one.inside('sv', 'down', 'bird')
        await sleep(1000)
        await one.inside('sv', 'up', 'bird')
        await waitFor('the session to be back', async () => isEstablished(one), { deadlineMs: 60_000, pollMs: 250 })
      })
      assert.ok(
        events.some((line) => line.includes('Deleted')),
        'no route was withdrawn, so that the test above would not see it',
      )
    })
  })
})
