/**
 * A Docker engine of its own on a machine, so that every host of a lab can run real containers.
 *
 * It lives in the machine's namespaces and ends with them. It is told to leave the network alone: no bridge, no iptables.
 * Its images lie in a folder outside the machine, because an overlay cannot lie on the machine's own. The cgroups of its
 * containers are the only thing that outlives a machine that is killed: empty folders below {@link CGROUP_PARENT}.
 */
import { mkdirSync } from 'node:fs'
import type { ExecOptions, Outcome } from './exec.ts'
import { firstChild, isAlive, killQuietly, type Machine } from './machine.ts'
import { patientlyWaitFor } from './patience.ts'

const CGROUP_PARENT = '/calico-lab'
const ENGINE = [
  'dockerd',
  '--bridge=none',
  '--iptables=false',
  '--ip6tables=false',
  '--ip-forward=false',
  '--exec-root=/run/docker',
  '--pidfile=/run/docker.pid',
  '--host=unix:///run/docker.sock',
  `--cgroup-parent=${CGROUP_PARENT}`,
  '--log-level=warn',
]

export class DockerEngine {
  readonly machine: Machine
  readonly #dataRoot: string
  readonly #flags: readonly string[]
  #pid = 0

  /**
   * @param dataRoot Folder for images and containers, not on an overlay; made when absent.
   * @param flags Further ones of dockerd.
   */
  constructor(machine: Machine, dataRoot: string, flags: readonly string[] = []) {
    this.machine = machine
    this.#dataRoot = dataRoot
    this.#flags = flags
  }

  async start(): Promise<void> {
    mkdirSync(this.#dataRoot, { recursive: true })
    this.#pid = this.machine.spawn([...ENGINE, ...this.#flags, `--data-root=${this.#dataRoot}`], 'dockerd.log')
    await patientlyWaitFor(
      `the Docker engine on ${this.machine.name} (see ${this.machine.dir}/dockerd.log)`,
      async () => (await this.exec(['version'])).code === 0,
      { deadlineMs: 60_000 },
    )
  }

  /** Runs the docker command, whatever its exit status. */
  async exec(args: readonly string[], opts: ExecOptions = {}): Promise<Outcome> {
    return this.machine.exec(['docker', ...args], opts)
  }

  /** Runs the docker command and returns what it printed. @throws COMMAND_FAILED */
  async docker(...args: string[]): Promise<string> {
    return (await this.machine.must(['docker', ...args], { timeoutMs: 120_000 })).trim()
  }

  /** Removes all containers and ends the engine. */
  async stop(): Promise<void> {
    const ids = (await this.docker('ps', '-aq')).split('\n').filter((id) => id !== '')
    if (ids.length > 0) await this.docker('rm', '-f', ...ids)
    await this.end()
  }

  /** Ends the engine alone. SIGTERM: it stops its containers first. SIGKILL: they live on until it starts again. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const engine = firstChild(this.#pid) ?? this.#pid
    killQuietly(engine, signal)
    await patientlyWaitFor('the Docker engine to end', () => !isAlive(engine), { deadlineMs: 60_000 })
  }
}
