import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '@calico-node/core'

const PROGRAMS = '/usr/lib/frr'

export interface FrrOptions {
  /** bgpd's configuration. */
  readonly bgpd: string
  /** zebra's. Without it bgpd runs alone: it has routes, and the kernel does not. */
  readonly zebra?: string
  /** The command line that runs `argv` in the place where FRR is to be, without a fork. Default: here. */
  readonly enter?: (argv: readonly string[]) => readonly string[]
}

/** Debian's FRR: a BGP router of other hands. It ends with this process, however that ends. */
export class Frr {
  readonly #opts: FrrOptions
  /** Sockets and files; FRR insists on a user of its own, who must be able to write here. */
  readonly #dir = mkdtempSync(join(tmpdir(), 'frr-'))
  readonly #daemons: ChildProcess[] = []

  private constructor(opts: FrrOptions) {
    this.#opts = opts
  }

  static async start(opts: FrrOptions): Promise<Frr> {
    const frr = new Frr(opts)
    try {
      execFileSync('chown', ['frr:frr', frr.#dir])
      if (opts.zebra !== undefined) {
        frr.#spawn('zebra', opts.zebra)
        await waitFor('zebra', () => frr.#vtysh('zebra', 'show version') !== '')
      }
      frr.#spawn('bgpd', opts.bgpd)
      await waitFor('bgpd', () => frr.#vtysh('bgpd', 'show version') !== '')
      return frr
    } catch (err) {
      await frr.stop()
      throw err
    }
  }

  /** What `show WHAT json` of bgpd answers. */
  show(what: string): unknown {
    return JSON.parse(this.#vtysh('bgpd', `show ${what} json`))
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    for (const daemon of this.#daemons.splice(0)) {
      if (daemon.exitCode !== null || daemon.signalCode !== null) continue
      const gone = once(daemon, 'exit')
      daemon.kill(signal)
      await gone
    }
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #spawn(name: 'bgpd' | 'zebra', config: string): void {
    const dir = this.#dir
    const file = join(dir, `${name}.conf`)
    writeFileSync(file, config)
    const alone = name === 'bgpd' && this.#opts.zebra === undefined ? ['-Z'] : []
    const words = ['-f', file, '-i', join(dir, `${name}.pid`), '-z', join(dir, 'zserv'), '--vty_socket', dir]
    this.#daemons.push(spawnIn(this.#opts, [join(PROGRAMS, name), ...words, '-P', '0', ...alone]))
  }

  #vtysh(daemon: string, command: string): string {
    const [file = '', ...args] = within(this.#opts, ['vtysh', '--vty_socket', this.#dir, '-d', daemon, '-c', command])
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }
}

/** Nothing here forks, so a signal to the child reaches the daemon. */
const within = ({ enter = (argv) => argv }: FrrOptions, argv: readonly string[]): readonly string[] => [
  'setpriv',
  '--pdeathsig',
  'KILL',
  ...enter(argv),
]

function spawnIn(opts: FrrOptions, argv: readonly string[]): ChildProcess {
  const [file = '', ...args] = within(opts, argv)
  return spawn(file, args, { stdio: 'ignore' })
}
