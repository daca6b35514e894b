/**
 * Deletes the tracked flows of addresses that left this host, so that a new owner of an address does not inherit verdicts.
 *
 * Each `conntrack` call walks the whole table (20 ms at 1 000 flows, 750 ms at 180 000), so calls are queued, addresses that
 * arrive meanwhile join the next round, and a round with many addresses first reads the table once to find those that have
 * flows at all. A failure is logged and given up: flows expire by themselves.
 */
import { CalicoError, hasCode, type Logger } from '@calico-node/core'
import type { Ip } from '@calico-node/model'
import type { Conntrack } from './ports.ts'
import { runTool } from './run.ts'

/** Deletions of fewer addresses than this are cheaper than reading the table first. */
const SCAN_FROM = 4
const ATTEMPTS = 3
const TIMEOUT_MS = 60_000
const MAX_TABLE_BYTES = 512 * 1024 * 1024

export function createConntrack({ log }: { log: Logger }): Conntrack {
  return new ConntrackTool(log.child({ component: 'conntrack' }))
}

class ConntrackTool implements Conntrack {
  readonly #log: Logger
  #waiting = new Set<Ip>()
  #nextRound: Promise<void> | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Resolves when the flows are gone or given up; never rejects. */
  flush(addresses: readonly Ip[]): Promise<void> {
    if (addresses.length === 0) return Promise.resolve()
    for (const address of addresses) this.#waiting.add(address)
    this.#nextRound ??= this.#running = this.#running.then(() => this.#round())
    return this.#nextRound
  }

  async #round(): Promise<void> {
    const addresses = [...this.#waiting]
    this.#waiting = new Set()
    this.#nextRound = undefined
    for (const family of ['ipv4', 'ipv6'] as const) {
      const ours = addresses.filter((address) => address.includes(':') === (family === 'ipv6'))
      try {
        for (const address of await this.#withFlows(family, ours)) await this.#delete(family, address)
      } catch (err) {
        this.#log.warn('Cannot delete tracked flows; they stay until they expire', { addresses: ours.length, err })
      }
    }
  }

  async #withFlows(family: 'ipv4' | 'ipv6', addresses: readonly Ip[]): Promise<readonly Ip[]> {
    if (addresses.length < SCAN_FROM) return addresses
    const table = await runTool('conntrack', ['-f', family, '-L'], { timeoutMs: TIMEOUT_MS, maxOutputBytes: MAX_TABLE_BYTES })
    const sources = new Set(Array.from(table.matchAll(/ src=(\S+)/g), (match) => match[1]))
    return addresses.filter((address) => sources.has(address))
  }

  async #delete(family: 'ipv4' | 'ipv6', address: Ip): Promise<void> {
    for (const side of ['--orig-src', '--reply-src']) {
      for (let attempt = 1; ; attempt++) {
        try {
          await runTool('conntrack', ['-f', family, '-D', side, address], { timeoutMs: TIMEOUT_MS })
          break
        } catch (err) {
          if (foundNothing(err)) break
          if (attempt === ATTEMPTS || hasCode(err, 'COMMAND_MISSING')) throw err
        }
      }
    }
  }
}

/** The tool exits with 1 when no flow matched. */
const foundNothing = (err: unknown): boolean =>
  err instanceof CalicoError && /\b0 flow entries/.test(String(err.context['stderr']))
