/** Hosts of a lab that run the built image, each on a Docker engine of its own. */
import { join, resolve } from 'node:path'
import { waitFor } from '@calico-node/core'
import { DockerEngine, type Host, type Lab, must } from '@calico-node/lab'
import { withLab } from '../with-lab.ts'

const root = resolve(import.meta.dirname, '../..')
export const ARCHIVE = join(root, 'out/image/calico-node.tar')
export const IMAGE = 'calico/node:latest'
const NAME = 'calico-node'

/** What the documentation tells operators to give the container, and nothing else. */
export const LEAST_PRIVILEGE: readonly string[] = [
  '--net=host',
  '--cap-drop=ALL',
  '--cap-add=NET_ADMIN',
  '--cap-add=NET_RAW',
  '--cap-add=NET_BIND_SERVICE',
  '--security-opt=no-new-privileges',
  '--read-only',
  '--tmpfs=/run',
  '--volume=/proc/sys/net:/host/proc/sys/net',
  '--volume=/var/run/calico:/var/run/calico',
  '--volume=/var/lib/calico:/var/lib/calico',
  '--volume=/var/log/calico:/var/log/calico',
]

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Default {@link LEAST_PRIVILEGE}. */
  readonly rights?: readonly string[]
  readonly image?: string
}

/** A host that runs calico/node as a container. */
export class ContainerHost {
  readonly host: Host
  readonly engine: DockerEngine
  readonly #dataRoot: string
  readonly #etcdEndpoint: string

  constructor(host: Host, etcdEndpoint: string) {
    this.host = host
    this.#dataRoot = join(host.machine.dir, 'docker')
    this.engine = new DockerEngine(host.machine, this.#dataRoot)
    this.#etcdEndpoint = etcdEndpoint
  }

  get name(): string {
    return this.host.name
  }

  /** An engine that has the image: links to what was unpacked once. */
  async startEngine(): Promise<void> {
    const store = (await must(join(root, 'image/unpack.sh'), [ARCHIVE], { timeoutMs: 120_000 })).trim()
    // Nobody writes into a layer; everything else of an engine is its own.
    const script = `mkdir -p "$2"; cp -al "$1/overlay2" "$2"
      for each in "$1"/*; do [ "\${each##*/}" = overlay2 ] || cp -a "$each" "$2"; done`
    await must('sh', ['-eu', '-c', script, 'sh', store, this.#dataRoot])
    await this.engine.start()
  }

  /** `docker run` of calico/node, in the background. */
  async launch({ env = {}, rights = LEAST_PRIVILEGE, image = IMAGE }: RunOptions = {}): Promise<void> {
    const variables = Object.entries({ ETCD_ENDPOINTS: this.#etcdEndpoint, ...env })
    const words = variables.flatMap(([name, value]) => ['--env', `${name}=${value}`])
    await this.engine.docker('run', '--detach', `--name=${NAME}`, ...rights, ...words, image)
  }

  /** {@link launch}, then waits for the line that tells that the node is up. @throws Error with its log when it ends instead */
  async run(opts: RunOptions = {}): Promise<void> {
    await this.launch(opts)
    const log = await waitFor(
      `calico/node on ${this.name} to start`,
      async () => {
        const text = await this.log()
        return /^Calico node started successfully$/m.test(text) || !(await this.isRunning()) ? text : undefined
      },
      { deadlineMs: 30_000 },
    )
    if (!log.includes('Calico node started successfully')) throw new Error(`calico/node on ${this.name} ended:\n${log}`)
  }

  /** {@link launch}, then waits until the container has ended by itself, and removes it. */
  async runToEnd(opts: RunOptions): Promise<{ exitCode: number; lines: string[] }> {
    await this.launch(opts)
    const exitCode = Number(await this.engine.docker('wait', NAME))
    const lines = (await this.log()).split('\n').filter((line) => line !== '')
    await this.remove()
    return { exitCode, lines }
  }

  /** What the container has written, in order of time as far as Docker knows it. */
  async log(): Promise<string> {
    const { stdout, stderr } = await this.engine.exec(['logs', NAME])
    return stdout + stderr
  }

  async isRunning(): Promise<boolean> {
    return (await this.inspect('{{.State.Running}}')) === 'true'
  }

  async inspect(template: string): Promise<string> {
    return this.engine.docker('inspect', '--format', template, NAME)
  }

  /** Waits until every check of the node is content. @throws TIMED_OUT with what they said last */
  async becomesHealthy(deadlineMs = 60_000): Promise<void> {
    await waitFor(
      `calico/node on ${this.name} to become healthy`,
      async () => {
        const { code, stdout, stderr } = await this.engine.exec(['exec', NAME, 'calico-node', '-all'])
        if (code !== 0) throw new Error(stdout + stderr)
        return true
      },
      { deadlineMs, pollMs: 300 },
    )
  }

  /** Runs a program in the container. */
  async inside(...argv: string[]): Promise<string> {
    return this.engine.docker('exec', NAME, ...argv)
  }

  async remove(): Promise<void> {
    await this.engine.docker('rm', '--force', NAME)
  }
}

/** Runs `body` on hosts that have the image, and where no node runs yet. */
export async function withContainerHosts(
  names: readonly string[],
  body: (hosts: ContainerHost[], lab: Lab) => Promise<void>,
): Promise<void> {
  await withLab({ hosts: names, start: false }, async (lab, hosts) => {
    const all = hosts.map((host) => new ContainerHost(host, lab.etcd.endpoint))
    try {
      await Promise.all(all.map(async (host) => host.startEngine()))
      await body(all, lab)
    } catch (err) {
      for (const host of all) console.log(`==> ${host.name} calico/node <==\n${await host.log()}`)
      throw err
    } finally {
      await Promise.all(all.map(async ({ engine }) => engine.stop()))
    }
  })
}
