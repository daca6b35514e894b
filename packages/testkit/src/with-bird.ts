import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CalicoError, waitFor } from '@calico-node/core'

export interface BirdOptions {
  /** 4 starts `bird`, 6 starts `bird6`. Default 4. */
  readonly ipVersion?: 4 | 6
  /** Text of the configuration file. Without it the file must exist in `dir`. */
  readonly config?: string
  /** Directory of `bird.cfg` (or `bird6.cfg`) and the control socket. Default: a new one, removed at the end. */
  readonly dir?: string
  /** Named network namespace to run in. Default: that of this process. */
  readonly netns?: string
  readonly args?: readonly string[]
}

/** A real BIRD in the foreground; ends with this process, however that ends. */
export interface RunningBird {
  readonly dir: string
  readonly configFile: string
  readonly socket: string
  readonly pid: number
  /** What it has written to stderr so far. */
  log(): string
  /** Sends `signal` (default SIGKILL) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Starts BIRD and waits for its control socket. The caller stops it; {@link withBird} does so by itself. */
export async function startBird(opts: BirdOptions = {}): Promise<RunningBird> {
  const { ipVersion = 4, config, netns, args = [], dir = mkdtempSync(join(tmpdir(), 'bird-')) } = opts
  const program = ipVersion === 4 ? 'bird' : 'bird6'
  const [configFile, socket] = [join(dir, `${program}.cfg`), join(dir, `${program}.ctl`)]
  if (config !== undefined) writeFileSync(configFile, config)
  rmSync(socket, { force: true })
  const command = ['setpriv', '--pdeathsig', 'KILL', program, '-d', '-s', socket, '-c', configFile, ...args]
  const inNetns = netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`]
  const [file = '', ...rest] = [...inNetns, ...command]
  const child = spawn(file, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const ended = once(child, 'exit')
  const ready = async (): Promise<boolean> => child.exitCode !== null || (await answers(socket))
  try {
    await waitFor(`${program} to answer on ${socket}`, ready, { pollMs: 5, deadlineMs: 5000 })
    if (child.exitCode !== null) {
      throw new CalicoError('COMMAND_FAILED', `Cannot start ${program}: it ended with ${child.exitCode}: ${log.trim()}`)
    }
  } catch (err) {
    child.kill('SIGKILL')
    throw err
  }
  return {
    dir,
    configFile,
    socket,
    pid: pidOf(child),
    log: () => log,
    stop: (signal = 'SIGKILL') => stop(child, ended, signal),
  }
}

/** Runs `use` beside a BIRD of its own, which ends with it. */
export async function withBird<T>(opts: BirdOptions, use: (bird: RunningBird) => Promise<T>): Promise<T> {
  const bird = await startBird(opts)
  try {
    return await use(bird)
  } finally {
    await bird.stop()
    if (opts.dir === undefined) rmSync(bird.dir, { recursive: true, force: true })
  }
}

/** BIRD opens its socket before it reads its configuration, so the socket alone says nothing. */
async function answers(socket: string): Promise<boolean> {
  const connection = connect(socket)
  try {
    await once(connection, 'data')
    return true
  } finally {
    connection.destroy()
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('Cannot start BIRD: no process')
  return child.pid
}

async function stop(child: ChildProcess, ended: Promise<unknown>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal)
  await ended
}
