/**
 * Deletes the tracked flows of addresses that left this host, so that a new owner of an address does not inherit verdicts.
 *
 * Each `conntrack` call walks the whole table (20 ms at 1 000 flows, 750 ms at 180 000), so nobody is kept waiting for more than
 * he asked: addresses wait in one pool, a small round of them is dealt with at a time, the latest first. A round first reads the
 * table once, to find which of its addresses have flows at all, and on which side. A failure is logged and given up: flows
 * expire by themselves.
 */
import { CalicoError, hasCode, type Logger } from '@calico-node/core'
import type { Ip } from '@calico-node/model'
import type { Conntrack } from './ports.ts'
import { runTool } from './run.ts'

const ROUND_SIZE = 16
const ATTEMPTS = 3
const TIMEOUT_MS = 60_000
const MAX_TABLE_BYTES = 1024 * 1024 * 1024
const FAMILIES = ['ipv4', 'ipv6'] as const
type Family = (typeof FAMILIES)[number]

export function createConntrack({ log }: { log: Logger }): Conntrack {
  return new ConntrackTool(log.child({ component: 'conntrack' }))
}

class ConntrackTool implements Conntrack {
  readonly #log: Logger
  readonly #waiting = new Map<Ip, PromiseWithResolvers<void>>()
  #working = false

  constructor(log: Logger) {
    this.#log = log
  }

  /** Resolves when the flows are gone or given up; never rejects. */
  async flush(addresses: readonly Ip[]): Promise<void> {
    const promises = addresses.map((address) => {
      const waiting = this.#waiting.get(address) ?? Promise.withResolvers<void>()
      this.#waiting.set(address, waiting)
      return waiting.promise
    })
    if (!this.#working) void this.#work()
    await Promise.all(promises)
  }

  async #work(): Promise<void> {
    this.#working = true
    while (this.#waiting.size > 0) {
      const round = [...this.#waiting].slice(-ROUND_SIZE)
      for (const [address] of round) this.#waiting.delete(address)
      await this.#round(round.map(([address]) => address))
      for (const [, { resolve }] of round) resolve()
    }
    this.#working = false
  }

  async #round(addresses: readonly Ip[]): Promise<void> {
    for (const family of FAMILIES) {
      const ours = addresses.filter((address) => address.includes(':') === (family === 'ipv6'))
      if (ours.length === 0) continue
      try {
        const table = await runTool('conntrack', ['-f', family, '-L'], {
          timeoutMs: TIMEOUT_MS,
          maxOutputBytes: MAX_TABLE_BYTES,
        })
        for (const [side, sources] of sourcesOf(table)) {
          for (const address of ours) if (sources.has(address)) await deleteFlows(family, side, address)
        }
      } catch (err) {
        this.#log.warn('Cannot delete tracked flows; they stay until they expire', { addresses: ours.length, err })
      }
    }
  }
}

/** Of each flow, who sent its first packet and who answers (after translation), by the option that deletes by it. */
function sourcesOf(table: string): Map<string, Set<string>> {
  const original = new Set<string>()
  const reply = new Set<string>()
  for (const [, first = '', second = ''] of table.matchAll(/ src=(\S+) .* src=(\S+)/g)) {
    original.add(first)
    reply.add(second)
  }
  return new Map([
    ['--orig-src', original],
    ['--reply-src', reply],
  ])
}

async function deleteFlows(family: Family, side: string, address: Ip): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await runTool('conntrack', ['-f', family, '-D', side, address], { timeoutMs: TIMEOUT_MS })
      return
    } catch (err) {
      if (foundNothing(err)) return
      if (attempt === ATTEMPTS || hasCode(err, 'COMMAND_MISSING')) throw err
    }
  }
}

/** The tool exits with 1 when no flow matched. */
const foundNothing = (err: unknown): boolean =>
  err instanceof CalicoError && /\b0 flow entries/.test(String(err.context['stderr']))
