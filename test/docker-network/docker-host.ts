/** A host with a Docker of its own and Calico's plugin beside it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { waitFor } from '@calico-node/core'
import { DockerEngine, type Host, type Lab, type Outcome } from '@calico-node/lab'
import { type LabTestOptions, withLab } from '../with-lab.ts'

const ENDPOINTS = '/calico/resources/v3/projectcalico.org/workloadendpoints/libnetwork/'
const HANDLES = '/calico/ipam/v2/handle/libnetwork.'
const NETWORKS = '/calico/libnetwork/v1/networks/'

export interface DockerHostOptions {
  /** Environment of the plugin beside what the tests always set. */
  readonly env?: Readonly<Record<string, string>>
  /** Further flags of dockerd on a host. */
  readonly flags?: (host: Host) => readonly string[]
}

export class DockerHost {
  readonly host: Host
  readonly engine: DockerEngine
  readonly #env: Readonly<Record<string, string>>

  constructor(host: Host, dir: string, { env = {}, flags }: DockerHostOptions) {
    this.host = host
    this.engine = new DockerEngine(host.machine, join(dir, host.name), flags?.(host))
    this.#env = { CALICO_LIBNETWORK_LABEL_ENDPOINTS: 'true', CALICO_LIBNETWORK_LEFTOVER_DELAY: '6s', ...env }
  }

  startPlugin(): void {
    this.host.machine.spawn(['setpriv', '--pdeathsig', 'KILL', 'libnetwork'], 'libnetwork.log', this.#env)
  }

  killPlugin(): Promise<void> {
    return this.#kill('libnetwork')
  }

  async #kill(...names: string[]): Promise<void> {
    for (const name of names)
      for (const pid of await this.host.pids(name)) await this.host.machine.exec(['kill', '-9', String(pid)])
  }

  /** Docker ends without warning; the processes of its containers live on. */
  async crashDocker(): Promise<void> {
    await this.engine.end('SIGKILL')
    await this.#kill('containerd')
    await this.host.machine.sh('rm -f /run/docker/containerd/containerd.pid')
  }

  /** Everything ends without warning, as when the host loses power: only disks and etcd remember. */
  async losePower(): Promise<void> {
    await this.crashDocker()
    await this.#kill('libnetwork', 'containerd-shim', 'busybox')
    await this.host.stopNode()
    await this.host.machine.sh(`umount -l /run/docker/netns/* || true
      rm -rf /run/docker/* /run/docker.pid
      for link in $(ip -br link | grep -o '^cali[^@ ]*'); do ip link delete "$link"; done`)
  }

  /** Until both sockets answer, as Docker asks them. */
  async pluginReady(): Promise<void> {
    for (const socket of ['calico', 'calico-ipam'] as const)
      await waitFor(`${socket}.sock to answer`, async () => (await this.call(socket, 'Plugin.Activate')).status === 200)
  }

  /** Asks the plugin as Docker does. @param body JSON, or any text. */
  async call(socket: 'calico' | 'calico-ipam', method: string, body = ''): Promise<{ status: number; text: string }> {
    const socketPath = `/proc/${this.host.machine.pid}/root/run/docker/plugins/${socket}.sock`
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, path: `/${method}`, method: 'POST', agent: false }, (response) => {
        readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  /** Starts plugin and Docker, and gives Docker an image. */
  async start(): Promise<void> {
    this.startPlugin()
    await this.pluginReady()
    await this.engine.start()
    const root = join(this.host.machine.dir, 'rootfs')
    await this.host.machine.sh(
      `mkdir -p ${root}/bin && cp /bin/busybox ${root}/bin/ && tar -C ${root} -cf ${root}.tar .`,
    )
    await this.engine.docker('import', `${root}.tar`, 'busybox')
  }

  async createNetwork(name: string, ...options: string[]): Promise<void> {
    const { code, stderr } = await this.tryNetwork(name, ...options)
    if (code !== 0) throw new Error(stderr)
  }

  tryNetwork(name: string, ...options: string[]): Promise<Outcome> {
    return this.engine.exec(['network', 'create', '-d', 'calico', '--ipam-driver', 'calico-ipam', ...options, name])
  }

  /** With the client of the engine's own version: a newer one does not know how to give a MAC to it. */
  async run(name: string, ...options: string[]): Promise<void> {
    await this.host.machine.must(['/usr/bin/docker', ...runWords(name, options)], { timeoutMs: 120_000 })
  }

  tryRun(name: string, ...options: string[]): Promise<Outcome> {
    return this.engine.exec(runWords(name, options))
  }

  async addressOn(name: string, network: string, field = 'IPAddress'): Promise<string> {
    return this.engine.docker(
      'inspect',
      name,
      '--format',
      `{{(index .NetworkSettings.Networks "${network}").${field}}}`,
    )
  }

  async inside(name: string, ...argv: string[]): Promise<string> {
    return this.engine.docker('exec', name, '/bin/busybox', ...argv)
  }

  async pings(name: string, to: string): Promise<boolean> {
    return (await this.engine.exec(['exec', name, '/bin/busybox', 'ping', '-c', '1', '-W', '1', to])).code === 0
  }

  /** Host ends of containers and routes to them. */
  async kernelLeftovers(): Promise<string> {
    const links = await this.host.machine.sh('ip -br link | grep -E "^(cali|temp)" || true')
    const routes = await this.host.machine.sh('ip route | grep cali; ip -6 route | grep cali; true')
    const rules = await this.host.machine.sh('iptables-save | grep -E "cali-(tw|fw|pri|pro)-" || true')
    return `${links}${routes}${rules}`.trim()
  }
}

const runWords = (name: string, options: readonly string[]): string[] => [
  'run',
  '-d',
  '--name',
  name,
  ...options,
  'busybox',
  '/bin/busybox',
  'sleep',
  '100000',
]

/** What etcd has of Docker's endpoints and addresses on all hosts, or one. */
export async function recordsOf(lab: Lab, host?: string): Promise<{ endpoints: string[]; handles: string[] }> {
  return {
    endpoints: await lab.etcd.keys(`${ENDPOINTS}${host === undefined ? '' : `${host}-`}`),
    handles: await lab.etcd.keys(`${HANDLES}${host === undefined ? '' : `${host}.`}`),
  }
}

export const networkRecords = (lab: Lab): Promise<string[]> => lab.etcd.keys(NETWORKS)

export const soon = (what: string, probe: () => Promise<boolean>, deadlineMs = 30_000): Promise<unknown> =>
  waitFor(what, probe, { deadlineMs })

export interface DockerLabOptions extends DockerHostOptions {
  readonly lab?: LabTestOptions
}

/** Runs the body where each host has a node, the plugin and Docker. When it fails the plugins' logs are printed. */
export async function withDockerHosts(
  { lab: labOptions = {}, ...options }: DockerLabOptions,
  body: (lab: Lab, hosts: DockerHost[]) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'calico-docker-'))
  try {
    await withLab(labOptions, async (lab, hosts) => {
      const all = hosts.map((host) => new DockerHost(host, dir, options))
      try {
        await Promise.all(all.map((each) => each.start()))
        await body(lab, all)
      } catch (err) {
        for (const { machine } of all.map(({ host }) => host))
          console.log(await machine.sh(`tail -n 60 ${machine.dir}/libnetwork.log ${machine.dir}/dockerd.log`))
        throw err
      } finally {
        // A machine does not end under running containers.
        await Promise.allSettled(all.map(({ engine }) => engine.stop()))
      }
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
