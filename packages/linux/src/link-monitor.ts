/**
 * Follows the interfaces of this network namespace.
 *
 * `ip monitor` only wakes us: what it prints is a hint, and the truth is always a whole dump (`ip -j -d address`, some
 * milliseconds). So a lost, garbled or reordered event can delay us until the next timed dump, and never mislead us. The monitor
 * is restarted when it ends, and each start is followed by a dump, because nobody listened meanwhile.
 */
import { backoffMs, type Logger } from '@calico-node/core'
import { followLines } from './follow-lines.ts'
import { addressesOf, linkOf, parseRecords } from './ip-json.ts'
import { LinkState, type LinkDump } from './link-state.ts'
import type { LinkEvent, LinkMonitor } from './ports.ts'
import { runTool } from './run.ts'

export interface LinkMonitorOptions {
  readonly log: Logger
  /** Time between full dumps when nothing seems to happen; 0 = never. Default 90 000. */
  readonly refreshMs?: number
  /** How long the loss of an address or of carrier must last to be believed. Default 100. */
  readonly holdMs?: number
  /** Interfaces whose addresses nobody cares for. */
  readonly excludeAddresses?: (name: string) => boolean
}

export function createLinkMonitor(opts: LinkMonitorOptions): LinkMonitor {
  return new IpMonitor(opts)
}

/** The monitor has not joined its groups yet when it is spawned: a dump after this long makes up for what it missed. */
const SETTLE_MS = 250
/** One change makes several lines: so long they are collected. */
const COLLECT_MS = 5
/** In a storm of events, dumps take at most one part in this many of the time, and come no closer than the least spacing. */
const DUMP_SHARE = 4
const SPACING_MS = 20
/** Least time between two hints about routes: our own writes cause them too. */
const ROUTE_SPACING_MS = 1000

class IpMonitor implements LinkMonitor {
  readonly #log: Logger
  readonly #refreshMs: number
  readonly #holdMs: number
  readonly #exclude: (name: string) => boolean

  constructor({ log, refreshMs = 90_000, holdMs = 100, excludeAddresses = () => false }: LinkMonitorOptions) {
    this.#log = log.child({ component: 'link-monitor' })
    this.#refreshMs = refreshMs
    this.#holdMs = holdMs
    this.#exclude = excludeAddresses
  }

  /** Ends when `signal` aborts. Each call follows the interfaces anew: full state first. */
  async *events(signal: AbortSignal): AsyncIterable<LinkEvent> {
    const alarm = new Alarm()
    const stop = new AbortController()
    const until = AbortSignal.any([signal, stop.signal])
    until.addEventListener('abort', () => alarm.ring(0), { once: true })
    const listening = this.#listen(alarm, until)
    try {
      yield* this.#follow(alarm, until)
    } finally {
      stop.abort()
      alarm.stop()
      await listening
    }
  }

  async *#follow(alarm: Alarm, signal: AbortSignal): AsyncGenerator<LinkEvent> {
    const state = new LinkState({ holdMs: this.#holdMs, tracksAddresses: (name) => !this.#exclude(name) })
    let inSync = false
    for (let failures = 0; !signal.aborted; ) {
      try {
        const start = performance.now()
        const picture = await dump()
        alarm.rest(Math.max(SPACING_MS, (DUMP_SHARE - 1) * (performance.now() - start)))
        yield* state.absorb(picture, performance.now())
        if (!picture.complete) alarm.ringSoon()
        failures = 0
        if (!inSync && picture.complete) {
          inSync = true
          yield { kind: 'in-sync' }
        }
      } catch (err) {
        this.#log.warn('Cannot read interfaces, will retry', { err })
        alarm.ring(backoffMs(failures++, { baseMs: 500 }))
      }
      if (alarm.takeRoutesChanged()) yield { kind: 'routes-changed' }
      const dueAt = state.dueAt()
      if (dueAt !== undefined) alarm.ringSoon(dueAt - performance.now())
      if (this.#refreshMs > 0) alarm.ring(this.#refreshMs)
      await alarm.wait()
    }
  }

  async #listen(alarm: Alarm, signal: AbortSignal): Promise<void> {
    const command = ['-o', 'monitor', 'label', 'link', 'address', 'route']
    const options = { log: this.#log, meanwhile: 'interfaces and routes are read by the clock' }
    let before = false
    for await (const event of followLines('ip', command, options, signal)) {
      if (event.kind === 'started') {
        alarm.ring(SETTLE_MS)
        if (before) alarm.routesChanged() // perhaps, while nobody listened
        before = true
      } else if (event.kind === 'line') {
        if (isRouteLine(event.line)) alarm.routesChanged()
        else if (!event.line.startsWith('[ROUTE]')) alarm.ringSoon()
      }
    }
  }
}

/** Routes of the local table come and go with addresses, which have lines of their own. */
const isRouteLine = (line: string): boolean =>
  line.startsWith('[ROUTE]') && !/^\[ROUTE\](Deleted )?(local|broadcast|multicast|anycast) /.test(line)

async function dump(): Promise<LinkDump> {
  let complete = true
  const onWarning = (text: string): void => {
    if (text.includes('Dump was interrupted')) complete = false
  }
  const records = parseRecords(await runTool('ip', ['-j', '-d', 'address', 'show'], { onWarning }))
  return { links: records.flatMap((record) => linkOf(record) ?? []), addresses: records.flatMap(addressesOf), complete }
}

/** Wakes one waiter at the earliest of the times asked for. */
class Alarm {
  #at = Infinity
  #timer: NodeJS.Timeout | undefined
  #wake: (() => void) | undefined
  #rung = false
  #routesChanged = false
  #routesToldAt = -Infinity
  #restUntil = -Infinity

  /** For so long, `ringSoon` has to wait. */
  rest(forMs: number): void {
    this.#restUntil = performance.now() + forMs
  }

  ringSoon(inMs = COLLECT_MS): void {
    this.ring(Math.max(inMs, COLLECT_MS, this.#restUntil - performance.now()))
  }

  ring(inMs: number): void {
    const at = performance.now() + Math.max(0, inMs)
    if (at >= this.#at) return
    this.#at = at
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#now(), Math.max(0, inMs))
  }

  routesChanged(): void {
    this.#routesChanged = true
    this.ring(Math.max(SPACING_MS, this.#routesToldAt + ROUTE_SPACING_MS - performance.now()))
  }

  /** Whether routes changed since this last said so, at most once per spacing. */
  takeRoutesChanged(): boolean {
    if (!this.#routesChanged || performance.now() < this.#routesToldAt + ROUTE_SPACING_MS) return false
    this.#routesChanged = false
    this.#routesToldAt = performance.now()
    return true
  }

  async wait(): Promise<void> {
    if (!this.#rung) await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#rung = false
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #now(): void {
    this.#at = Infinity
    this.#rung = true
    this.#wake?.()
    this.#wake = undefined
  }
}
