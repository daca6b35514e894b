// Docker's own client and daemon on two hosts, with Calico as network and IPAM driver: connectivity, policy by container
// label, several networks, restarts of everything, and nothing left afterwards.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { DockerEngine, killQuietly, type Host } from '@calico-node/lab'
import { requireOwnNamespace } from '@calico-node/testkit'
import { withLab } from '../with-lab.ts'

requireOwnNamespace()

const ENDPOINTS = '/calico/resources/v3/projectcalico.org/workloadendpoints/'
const ONLY_WEB = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: { name: only-web }
spec:
  selector: role == 'db'
  ingress: [{ action: Allow, source: { selector: role == 'web' } }]
  egress: [{ action: Allow }]
`

const ORPHAN = `
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: { name: host1-libnetwork-libnetwork-0rphan, namespace: libnetwork }
spec:
  { node: host1, orchestrator: libnetwork, workload: libnetwork, endpoint: 0rphan, interfaceName: cali0rphan, ipNetworks: [192.168.99.99/32] }
`

/** A host's Docker and the plugin beside it. */
class Docker {
  readonly host: Host
  readonly engine: DockerEngine
  #plugin = 0

  constructor(host: Host, dir: string) {
    this.host = host
    this.engine = new DockerEngine(host.machine, join(dir, host.name))
  }

  startPlugin(): void {
    const env = { CALICO_LIBNETWORK_LABEL_ENDPOINTS: 'true' }
    this.#plugin = this.host.machine.spawn(['setpriv', '--pdeathsig', 'KILL', 'libnetwork'], 'libnetwork.log', env)
  }

  async killPlugin(): Promise<void> {
    killQuietly(this.#plugin)
    const pids = await this.host.pids('libnetwork')
    await this.host.machine.exec(['kill', '-9', ...pids.map(String)])
  }

  async start(): Promise<void> {
    this.startPlugin()
    await waitFor(
      'the sockets',
      async () => (await this.host.machine.exec(['test', '-S', '/run/docker/plugins/calico-ipam.sock'])).code === 0,
    )
    await this.engine.start()
    const root = join(this.host.machine.dir, 'rootfs')
    await this.host.machine.sh(
      `mkdir -p ${root}/bin && cp /bin/busybox ${root}/bin/ && tar -C ${root} -cf ${root}.tar .`,
    )
    await this.engine.docker('import', `${root}.tar`, 'busybox')
  }

  async run(name: string, ...options: string[]): Promise<void> {
    await this.engine.docker('run', '-d', '--name', name, ...options, 'busybox', '/bin/busybox', 'sleep', '100000')
  }

  async addressOn(name: string, network: string): Promise<string> {
    return this.engine.docker(
      'inspect',
      name,
      '--format',
      `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
    )
  }

  async pings(name: string, to: string): Promise<boolean> {
    return (await this.engine.exec(['exec', name, '/bin/busybox', 'ping', '-c', '1', '-W', '1', to])).code === 0
  }
}

const soon = (what: string, probe: () => Promise<boolean>): Promise<unknown> =>
  waitFor(what, probe, { deadlineMs: 20_000 })

/** Runs the body; when it fails the engines end first, because a machine does not end under running containers. */
async function withEngines(dockers: readonly Docker[], body: () => Promise<void>): Promise<void> {
  try {
    await body()
  } catch (err) {
    console.log(err)
    await Promise.allSettled(dockers.map(({ engine }) => engine.stop()))
    throw err
  }
}

test('Docker on two hosts: reach, policy by label, two networks, restarts, nothing left', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'calico-docker-'))
  try {
    await withLab({}, async (lab, [host1, host2]) => {
      assert.ok(host1 && host2)
      const [one, two] = [new Docker(host1, dir), new Docker(host2, dir)]
      await withEngines([one, two], async () => {
        await Promise.all([one.start(), two.start()])
        for (const { engine } of [one, two])
          for (const net of ['blue', 'green'])
            await engine.docker('network', 'create', '-d', 'calico', '--ipam-driver', 'calico-ipam', net)

        await one.run('web', '--network', 'blue', '--label', 'org.projectcalico.label.role=web')
        await one.run('other', '--network', 'blue')
        await two.run('db', '--network', 'blue', '--label', 'org.projectcalico.label.role=db')
        const db = await two.addressOn('db', 'blue')
        for (const name of ['web', 'other']) await soon(`${name} to reach db across hosts`, () => one.pings(name, db))
        await soon('web to find other by its name', () => one.pings('web', 'other'))

        await host1.machine.must(['calicoctl', 'apply', '-f', '-'], { input: ONLY_WEB })
        await soon('other to be kept out', async () => !(await one.pings('other', db)))
        assert.ok(await one.pings('web', db), 'web must still reach db')

        await one.engine.docker('network', 'connect', 'green', 'other')
        const routes = await one.engine.docker('exec', 'other', '/bin/busybox', 'ip', 'route')
        assert.match(routes, /169\.254\.1\.1 dev/)
        assert.match(routes, /169\.254\.1\.2 dev/)
        await one.engine.docker('restart', '-t', '0', 'other')
        await one.engine.docker('network', 'disconnect', 'green', 'other')

        const refusals: [option: string[], message: RegExp][] = [
          [['--internal'], /does not support the flag com\.docker\.network\.internal/],
          [['-o', 'a=b'], /does not support the flag a/],
          [['--ipam-opt', 'a=b'], /does not support --ipam-opt a/],
          [['--subnet', '10.1.0.0/16'], /must be the CIDR of a configured Calico IP pool/],
          [['--subnet', '192.168.0.0/16', '--ip-range', '192.168.1.0/24'], /does not support --ip-range/],
        ]
        for (const [option, message] of refusals) {
          const create = ['network', 'create', '-d', 'calico', '--ipam-driver', 'calico-ipam', ...option, 'refused']
          const { code, stderr } = await one.engine.exec(create)
          assert.notEqual(code, 0, option.join(' '))
          assert.match(stderr, message)
        }
        await one.engine.docker(
          'network',
          'create',
          '-d',
          'calico',
          '--ipam-driver',
          'calico-ipam',
          '--subnet',
          '192.168.0.0/16',
          'pooled',
        )
        await one.run('fixed', '--network', 'pooled', '--ip', '192.168.77.7')
        assert.equal(await one.addressOn('fixed', 'pooled'), '192.168.77.7')

        await one.killPlugin()
        one.startPlugin()
        await one.engine.docker('restart', '-t', '0', 'web')
        await soon('web to reach db after both were started anew', () => one.pings('web', db))

        // An endpoint that Docker does not know, as a crash leaves it, goes when the plugin starts; those in use stay.
        await one.killPlugin()
        await host1.machine.sh('ip link add cali0rphan type veth peer name 0rphan')
        await host1.machine.must(['calicoctl', 'apply', '-f', '-'], { input: ORPHAN })
        const ofHost1 = async (): Promise<string[]> => lab.etcd.keys(`${ENDPOINTS}libnetwork/host1-`)
        assert.equal((await ofHost1()).length, 4)
        one.startPlugin()
        await waitFor('the orphan to go', async () => (await ofHost1()).length === 3, { deadlineMs: 30_000 })
        assert.ok(await one.pings('web', db), 'web must still reach db')

        for (const { engine } of [one, two]) {
          await engine.stop()
        }
        assert.deepEqual(await lab.etcd.keys(ENDPOINTS), [])
        assert.deepEqual(await lab.etcd.keys('/calico/ipam/v2/handle/libnetwork.'), [])
        for (const { machine } of [host1, host2])
          assert.equal((await machine.sh('ip -br link | grep -c ^cali || true')).trim(), '0')
        assert.match(await host1.calicoctl('ipam', 'check'), /found 0 problems/)
      })
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
