// Life inside the container: logs, processes that die, and the stop.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { type ContainerHost, withContainerHosts } from './with-docker.ts'

const SERVICES = ['felix', 'confd', 'bird', 'bird6', 'node-services'] as const
type Service = (typeof SERVICES)[number]
const KILLS = 20
const BACK_WITHIN_MS = 2000

/** The container's files, seen from outside. */
async function rootOf(node: ContainerHost): Promise<string> {
  const pid = await node.inspect('{{.State.Pid}}')
  return `/proc/${node.host.machine.pid}/root/proc/${pid}/root`
}

const pidOf = (root: string, service: Service): string => {
  try {
    return readFileSync(join(root, 'run/calico-node/services', service, 'supervise/pid'), 'utf8').trim()
  } catch {
    return ''
  }
}

interface Restart {
  readonly before: string
  readonly after: string
  readonly ms: number
}

/** Kills a service again and again from within. */
async function killOften(node: ContainerHost, service: Service): Promise<Restart[]> {
  const script = `cd "$SVDIR/${service}/supervise"
    for round in $(seq ${KILLS}); do
      before=$(cat pid); start=$(date +%s%3N)
      sv kill ${service}
      until after=$(cat pid) && [ -n "$after" ] && [ "$after" != "$before" ]; do sleep 0.01; done
      echo "$before $after $(($(date +%s%3N) - start))"
    done`
  return (await node.inside('sh', '-c', script)).split('\n').map((line) => {
    const [before = '', after = '', ms] = line.split(' ')
    return { before, after, ms: Number(ms) }
  })
}

test('a running container', async (t) => {
  await withContainerHosts(['host1'], async ([node]) => {
    assert.ok(node !== undefined)
    const { machine } = node.host
    await node.run()
    await node.becomesHealthy()
    const root = await rootOf(node)

    await t.test('logs each service to a file of its own, and everything to Docker', async () => {
      const all = await node.log()
      for (const service of SERVICES) {
        const file = join(machine.dir, 'log', service, 'current')
        const [line = ''] = readFileSync(file, 'utf8').split('\n')
        const form = service.startsWith('bird')
          ? /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{5} /
          : /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[INFO\]\[\d+\] /
        assert.match(line, form, service)
        assert.ok(all.includes(line), `docker logs lacks ${line}`)
        assert.equal((statSync(file).mode & 0o777).toString(8), '644', service)
        assert.equal(readFileSync(join(machine.dir, 'log', service, 'config'), 'utf8'), 's10000000\nn5\ne*\n')
      }
    })

    await t.test('keeps 10 MB of log a file, and five old files', async () => {
      const lines = 'yes "$(head -c 99 /dev/zero | tr "\\\\0" x)" | head -n 750000'
      await node.inside('sh', '-c', `${lines} | /opt/calico/runit/write-log rotated >/dev/null`)
      const folder = join(machine.dir, 'log/rotated')
      const sizes = readdirSync(folder)
        .filter((name) => name === 'current' || name.startsWith('@'))
        .map((name) => statSync(join(folder, name)).size)
      assert.equal(sizes.length, 6)
      assert.ok(Math.max(...sizes) <= 10_000_000 && Math.max(...sizes) > 9_900_000, String(sizes))
      rmSync(folder, { recursive: true })
    })

    await t.test('tells that a service was killed, until it has settled', async () => {
      for (const service of SERVICES) {
        // `sv kill` does not wait for the supervisor to act.
        const ask = `for i in 1 2 3 4 5; do said=$(calico-node -${service}-live) || break; done; echo "$said"`
        const said = await node.inside('sh', '-c', `sv kill ${service}; ${ask}`)
        assert.match(said, new RegExp(`^${service}-live: FAILED, `, 'm'), service)
      }
      await node.becomesHealthy()
    })

    await t.test(`starts each service again, ${KILLS} times in a row, and no other`, async () => {
      const restarts = await Promise.all(SERVICES.map(async (service) => killOften(node, service)))
      await node.becomesHealthy()
      for (const [index, service] of SERVICES.entries()) {
        const rounds = restarts[index] ?? []
        assert.equal(rounds.length, KILLS)
        const slowest = Math.max(...rounds.map(({ ms }) => ms))
        t.diagnostic(`${service}: back after ${slowest} ms at most`)
        assert.ok(slowest <= BACK_WITHIN_MS, `${service} took ${slowest} ms`)
        // Each process lived until it was killed, so that there were no others in between.
        const lived = [...rounds.slice(1).map(({ before }) => before), pidOf(root, service)]
        assert.deepEqual(
          rounds.map(({ after }) => after),
          lived,
          service,
        )
      }
    })

    await t.test('keeps one of each when a supervisor is killed', async () => {
      for (const service of SERVICES) {
        const before = pidOf(root, service)
        await machine.sh(`kill -9 $(pgrep -x -f 'runsv ${service}')`)
        await waitFor(`a new ${service}`, () => !['', before].includes(pidOf(root, service)))
      }
      for (const name of ['calico-felix', 'confd', 'bird', 'bird6', 'node-services']) {
        await waitFor(`one ${name}`, async () => (await node.host.pids(name)).length === 1, { deadlineMs: 20_000 })
      }
      assert.equal((await machine.sh("pgrep -c -f '^svlogd '")).trim(), String(SERVICES.length))
      await node.becomesHealthy()
    })

    await t.test('gives rights to those alone that change the kernel', async () => {
      const rights = await node.inside(
        'sh',
        '-c',
        `for s in ${SERVICES.join(' ')}; do for p in $s $s/log; do
          echo $p $(grep -oP 'CapEff:\\s*0*\\K.+' "/proc/$(cat $SVDIR/$p/supervise/pid)/status"); done; done`,
      )
      const held = new Map(rights.split('\n').map((line) => [line.split(' ')[0], line.split(' ')[1] ?? '']))
      const all = '3400' // NET_BIND_SERVICE, NET_ADMIN, NET_RAW
      assert.deepEqual(
        [...held].filter(([, mask]) => mask !== '0' && mask !== ''),
        ['felix', 'bird', 'bird6'].map((name) => [name, all]),
      )
      assert.equal(held.size, 2 * SERVICES.length)
    })

    await t.test('leaves no zombies', async () => {
      await node.inside('sh', '-c', 'for i in 1 2 3; do (sleep 0.1 & exec true) & done')
      const zombies = async (): Promise<string> => machine.sh("ps -e -o stat=,pid=,args= | grep '^Z' || true")
      await waitFor('no zombies', async () => (await zombies()) === '')
    })

    await t.test('writes nothing but its mounts', async () => {
      assert.equal(await node.engine.docker('diff', 'calico-node'), '')
    })

    await t.test('stops in less than two seconds', async () => {
      const started = performance.now()
      await node.engine.docker('stop', 'calico-node')
      const ms = performance.now() - started
      t.diagnostic(`docker stop took ${ms.toFixed(0)} ms`)
      assert.ok(ms < 2000, `${ms} ms`)
      assert.equal(await node.inspect('{{.State.ExitCode}}'), '0')
      assert.deepEqual(await node.host.pids('calico-felix'), [])
    })

    await t.test('starts again as it is', async () => {
      await node.engine.docker('start', 'calico-node')
      await node.becomesHealthy()
    })

    await t.test('logs to Docker alone when told so', async () => {
      await node.remove()
      await machine.sh('rm -rf /var/log/calico/*')
      await node.run({ env: { CALICO_DISABLE_FILE_LOGGING: 'true' } })
      await waitFor('felix to be in sync', async () => (await node.log()).includes('Dataplane is in sync'), {
        deadlineMs: 20_000,
      })
      assert.equal((await machine.sh('ls -A /var/log/calico')).trim(), '')
    })
  })
})
