import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { waitFor } from '@calico-node/core'

export interface MemberOptions {
  readonly name: string
  readonly dataDir: string
  readonly clientPort: number
  readonly args: readonly string[]
}

/** One `etcd` (or `etcd grpc-proxy`) process in the foreground; ends with this process, however that ends. */
export class EtcdMember {
  readonly name: string
  readonly clientPort: number
  readonly #dataDir: string
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  #log = ''

  constructor(opts: MemberOptions) {
    this.name = opts.name
    this.clientPort = opts.clientPort
    this.#dataDir = opts.dataDir
    this.#args = opts.args
  }

  get log(): string {
    return this.#log
  }

  /** Starts it and returns at once; `args` are added to those it always has. */
  start(args: readonly string[] = []): void {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'etcd', ...this.#args, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#log = (this.#log + text).slice(-100_000)))
    }
    this.#child = child
  }

  /** Ends it with `signal` (default SIGKILL) and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill(signal)
    await gone
  }

  /** Stops the process in its tracks: its sockets stay open and nothing answers. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Removes all its data; only while it is stopped. */
  wipe(): void {
    rmSync(this.#dataDir, { recursive: true, force: true })
  }

  /** Waits for `probe` to succeed, and fails at once when the process ends. */
  async ready(probe: () => Promise<unknown>): Promise<void> {
    const child = this.#child
    if (child === undefined) throw new Error(`Cannot wait for ${this.name}: it is not started`)
    const answered = waitFor(`${this.name} to answer`, async () => (await probe(), true), {
      deadlineMs: 20_000,
      pollMs: 20,
    })
    const ended = new Promise<never>((_, reject) => {
      child.once('exit', (code) =>
        reject(new Error(`${this.name} ended with status ${code}: ${this.#log.slice(-2000)}`)),
      )
    })
    await Promise.race([answered, ended])
  }
}
