/**
 * A machine: a process tree with network, mount, PID and UTS namespaces of its own, so that ending its PID 1 ends all of it.
 *
 * /etc and /var are overlays and /run is empty, so nothing that happens on a machine reaches the computer below or another
 * machine; only /var/log/calico lies in the machine's folder, to be read after its end. PID 1 is a `runsvdir` without
 * services, because that reaps orphans. Restart story: a machine is found again by the pid in its folder.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exec, must, type ExecOptions, type Outcome } from './exec.ts'
import { patientlyWaitFor } from './patience.ts'

// The folder of the machine may lie below what gets covered, hence the file descriptors.
const INIT = `
set -e
overlay=$1
exec 8>"$4" 9<"$2"
mount -t tmpfs -o mode=755 tmpfs "$overlay"
for dir in etc var; do
  mkdir -p "$overlay/$dir.upper" "$overlay/$dir.work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$overlay/$dir.upper,workdir=$overlay/$dir.work" "/$dir"
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock /run/init /etc/calico /var/lib/calico /var/log/calico
mount --bind /proc/self/fd/9 /var/log/calico
hostname "$3"
ip link set lo up
echo ready >&8
exec 8>&- 9<&-
exec runsvdir -P /run/init
`

export interface MachineOptions {
  readonly name: string
  /** A folder of the machine's own; made when absent. */
  readonly dir: string
  /** The machine outlives this process. Otherwise it is killed with it, however that ends. */
  readonly keep?: boolean
}

/** Environment of everything on a machine: nothing of the caller's but a plain path. */
export const MACHINE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export class Machine {
  readonly name: string
  readonly dir: string
  /** PID 1 of the machine, as seen from here. */
  readonly pid: number
  readonly env: Record<string, string> = { PATH: MACHINE_PATH, HOME: '/root', LANG: 'C.UTF-8' }

  private constructor(name: string, dir: string, pid: number) {
    this.name = name
    this.dir = dir
    this.pid = pid
  }

  static async start({ name, dir, keep = false }: MachineOptions): Promise<Machine> {
    const [overlay, logs, ready] = [join(dir, 'overlay'), join(dir, 'log'), join(dir, 'ready')]
    for (const path of [overlay, logs]) mkdirSync(path, { recursive: true })
    const unshare = [
      'unshare',
      '--net',
      '--mount',
      '--pid',
      '--uts',
      '--fork',
      '--kill-child',
      '--mount-proc',
      '--propagation',
      'private',
    ]
    const init = [...unshare, 'sh', '-c', INIT, 'init', overlay, logs, name, ready]
    const [file = '', ...args] = keep ? init : ['setpriv', '--pdeathsig', 'KILL', ...init]
    const output = openSync(join(dir, 'init.log'), 'a')
    const child = spawn(file, args, { detached: true, stdio: ['ignore', output, output], env: { PATH: MACHINE_PATH } })
    closeSync(output)
    child.unref()
    await patientlyWaitFor(`machine ${name} to start (see ${dir}/init.log)`, () => readFileSync(ready, 'utf8') !== '')
    const pid = await patientlyWaitFor(`PID 1 of ${name}`, () => firstChild(child.pid))
    writeFileSync(join(dir, 'pid'), String(pid))
    return new Machine(name, dir, pid)
  }

  /** A machine that an earlier process left running; undefined when it has ended. */
  static find(name: string, dir: string): Machine | undefined {
    try {
      const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'))
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'runsvdir' ? new Machine(name, dir, pid) : undefined
    } catch {
      return undefined
    }
  }

  /** The command line that runs `argv` on this machine. */
  enter(argv: readonly string[]): string[] {
    return ['nsenter', '-t', String(this.pid), '--net', '--mount', '--pid', '--uts', '--', ...argv]
  }

  /** Runs a program on the machine, whatever its exit status. */
  async exec(argv: readonly string[], opts: ExecOptions = {}): Promise<Outcome> {
    const [file = '', ...args] = this.enter(['env', '-i', ...this.#assignments(opts.env), ...argv])
    return exec(file, args, opts)
  }

  /** Runs a program on the machine. @throws COMMAND_FAILED */
  async must(argv: readonly string[], opts: ExecOptions = {}): Promise<string> {
    const [file = '', ...args] = this.enter(['env', '-i', ...this.#assignments(opts.env), ...argv])
    return must(file, args, opts)
  }

  async sh(script: string, opts: ExecOptions = {}): Promise<string> {
    return this.must(['sh', '-c', script], opts)
  }

  /** Starts a program in the background; it ends with the machine. Returns the pid, as seen from here, of the nsenter that waits for it. */
  spawn(argv: readonly string[], logFile: string, env: Readonly<Record<string, string>> = {}): number {
    const [file = '', ...args] = this.enter(['env', '-i', ...this.#assignments(env), ...argv])
    const output = openSync(join(this.dir, logFile), 'a')
    const child = spawn(file, args, { detached: true, stdio: ['ignore', output, output] })
    closeSync(output)
    child.unref()
    if (child.pid === undefined) throw new Error(`Cannot start ${argv.join(' ')} on ${this.name}`)
    return child.pid
  }

  #assignments(env: Readonly<Record<string, string>> = {}): string[] {
    return Object.entries({ ...this.env, ...env }).map(([key, value]) => `${key}=${value}`)
  }

  /** Ends everything on the machine at once. */
  async kill(): Promise<void> {
    killQuietly(this.pid)
    await patientlyWaitFor(`machine ${this.name} to end`, () => !isAlive(this.pid), { deadlineMs: 60_000 })
  }
}

export function killQuietly(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch {
    /* it has ended already */
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The first child of a process, as its pid in this PID namespace. */
export function firstChild(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined
  const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return first === undefined || first === '' ? undefined : Number(first)
}
