/**
 * A host of the lab: a machine on the underlay that can run the calico/node processes, with workloads beside them.
 *
 * The node runs as it does in the image: the same start script as PID 1 of a PID namespace of its own, the same service
 * folders. Ending that PID 1 is what `docker stop` does; the host and its workloads live on.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CalicoError } from '@calico-node/core'
import { firstChild, isAlive, killQuietly, MACHINE_PATH, type Machine } from './machine.ts'
import { Workload } from './workload.ts'
import { patientlyWaitFor } from './patience.ts'

export interface HostAddresses {
  readonly ipv4: string
  readonly ipv6: string
}

export interface HostOptions {
  readonly machine: Machine
  readonly addresses: HostAddresses
  /** The project's root: bin/, dist/, runit/, templates/, image/. */
  readonly root: string
  readonly etcdEndpoint: string
}

export class Host {
  readonly machine: Machine
  readonly addresses: HostAddresses
  #nodePid: number | undefined

  constructor({ machine, addresses, root, etcdEndpoint }: HostOptions) {
    this.machine = machine
    this.addresses = addresses
    // Our programs come last on the path: bin/bird must not hide the real BIRD.
    Object.assign(machine.env, {
      PATH: `${MACHINE_PATH}:${root}/bin:${root}/image/rootfs/usr/local/bin`,
      ETCD_ENDPOINTS: etcdEndpoint,
      CALICO_BIN: `${root}/bin`,
      CALICO_RUNIT: `${root}/runit`,
      CALICO_TEMPLATES: `${root}/templates`,
      NODE_COMPILE_CACHE: join(root, 'dist', 'compile-cache'),
    })
  }

  get name(): string {
    return this.machine.name
  }

  /** Starts the node and waits for its success line. @throws COMMAND_FAILED with what it said when it ended instead */
  async startNode(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.launchNode(env)
    const started = (): boolean => this.nodeLog().includes('Calico node started successfully')
    await patientlyWaitFor(`the node on ${this.name} to start`, () => started() || !this.nodeAlive(), {
      deadlineMs: 30_000,
    })
    if (!started())
      throw new CalicoError('COMMAND_FAILED', `Cannot start the node on ${this.name}; it said:\n${this.nodeLog()}`)
  }

  /** Starts the node without waiting. */
  launchNode(env: Readonly<Record<string, string>> = {}): void {
    const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc', 'start-node']
    writeFileSync(join(this.machine.dir, 'node.log'), '')
    this.#nodePid = this.machine.spawn(container, 'node.log', env)
  }

  /** What the node has written to its standard output since it was started; nothing before the first start. */
  nodeLog(): string {
    const path = join(this.machine.dir, 'node.log')
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  nodeAlive(): boolean {
    return this.#nodePid !== undefined && isAlive(this.#nodePid)
  }

  /** PID 1 of the node (the start script, then runsvdir), as seen from here. */
  nodePid1(): number | undefined {
    // nsenter -> unshare -> PID 1
    try {
      return firstChild(firstChild(this.#nodePid))
    } catch {
      return undefined
    }
  }

  /** As `docker stop`: the node's PID 1 ends and the kernel ends the rest; nothing is withdrawn or removed. */
  async stopNode(): Promise<void> {
    const pid = this.nodePid1()
    if (pid !== undefined) killQuietly(pid)
    await patientlyWaitFor(`the node on ${this.name} to end`, () => !this.nodeAlive())
  }

  /** Process ids (as seen on the host) whose name or argv[0] is `name`. */
  async pids(name: string): Promise<number[]> {
    const { stdout } = await this.machine.exec([
      'sh',
      '-c',
      `for p in /proc/[0-9]*; do
      read -r comm <"$p/comm" || continue
      argv0=$(tr '\\0' '\\n' <"$p/cmdline" 2>/dev/null | head -n 1)
      if [ "$comm" = "$1" ] || [ "$argv0" = "$1" ]; then echo "\${p#/proc/}"; fi
    done 2>/dev/null`,
      'sh',
      name,
    ])
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(Number)
  }

  /** A container without a network: a named network namespace with nothing but loopback. */
  async addWorkload(name: string): Promise<Workload> {
    await this.machine.must(['ip', 'netns', 'add', name])
    return this.workload(name)
  }

  workload(name: string): Workload {
    return new Workload(this, name)
  }

  async calicoctl(...args: string[]): Promise<string> {
    return this.machine.must(['calicoctl', ...args])
  }

  /** What a service has logged since the host was made. */
  serviceLog(service: string): string {
    const dir = join(this.machine.dir, 'log', service)
    const files = readdirSync(dir).filter((file) => file === 'current' || file.startsWith('@'))
    return files
      .toSorted((a, b) => (a === 'current' ? 1 : b === 'current' ? -1 : a.localeCompare(b)))
      .map((file) => readFileSync(join(dir, file), 'utf8'))
      .join('')
  }

  /** The last lines of the node and of each service, for people. */
  logTails(lines = 30): string {
    const tail = (name: string, text: string): string =>
      `==> ${this.name} ${name} <==\n${text.trimEnd().split('\n').slice(-lines).join('\n')}\n`
    const services = readdirSync(join(this.machine.dir, 'log'))
    return [tail('node', this.nodeLog()), ...services.map((name) => tail(name, this.serviceLog(name)))].join('\n')
  }
}
