/**
 * What a person should know of this host, each with a reason and the time since when: the one list behind the report
 * in the store, `calicoctl node status` and the metrics. Any part of Felix may raise a problem; whoever raised it clears it.
 * A problem that still stands after a restart is raised again, and keeps its time if the last report is recalled.
 */
import { type Logger, rfc3339 } from '@calico-node/core'

export interface Problem {
  /** What stays the same while the problem lasts; not for people. */
  readonly id: string
  /** A sentence that says what is wrong, and of what. */
  readonly reason: string
  /** Since when, RFC 3339, UTC. */
  readonly since: string
}

/** What parts that find problems need. */
export interface ProblemSink {
  /** Idempotent. Another reason for the same id replaces the first and keeps its time. */
  raise(id: string, reason: string): void
  /** Idempotent. */
  clear(id: string): void
}

const RECALL_MS = 60_000

interface Entry extends Problem {
  /** Its end is told as well. */
  readonly isTold: boolean
}

export class Problems implements ProblemSink {
  readonly #log: Logger
  readonly #now: () => Date
  readonly #entries = new Map<string, Entry>()
  /** When problems of an earlier process began, by id, for those that come back soon. */
  #recalled: ReadonlyMap<string, string> = new Map()
  #recalledUntil = 0

  constructor({ log, now = () => new Date() }: { readonly log: Logger; readonly now?: () => Date }) {
    this.#log = log
    this.#now = now
  }

  /** What an earlier process reported: a problem with the same id that is raised within a minute is the same one. */
  recall(earlier: readonly Problem[]): void {
    this.#recalled = new Map(earlier.map(({ id, since }) => [id, since]))
    this.#recalledUntil = this.#now().getTime() + RECALL_MS
    for (const [id, entry] of this.#entries)
      this.#entries.set(id, { ...entry, since: this.#recalled.get(id) ?? entry.since })
  }

  /** Also tells the log, once. */
  raise(id: string, reason: string): void {
    if (this.#set(id, reason, true)) this.#log.warn('Needs attention', { problem: id, reason })
  }

  /** As `raise`, for those who tell the log themselves. */
  record(id: string, reason: string): void {
    this.#set(id, reason, false)
  }

  clear(id: string): void {
    const entry = this.#entries.get(id)
    this.#entries.delete(id)
    if (entry?.isTold) this.#log.info('Mended', { problem: id, reason: entry.reason })
  }

  /** Makes the recorded problems whose ids begin with `prefix` exactly these. @param reasons by id, which begin so */
  recordAll(prefix: string, reasons: ReadonlyMap<string, string>): void {
    for (const id of this.#entries.keys()) if (id.startsWith(prefix) && !reasons.has(id)) this.clear(id)
    for (const [id, reason] of reasons) this.record(id, reason)
  }

  /** The oldest first. */
  list(): Problem[] {
    return [...this.#entries.values()]
      .map(({ id, reason, since }) => ({ id, reason, since }))
      .toSorted((a, b) => Date.parse(a.since) - Date.parse(b.since))
  }

  /** @returns Whether this is new. */
  #set(id: string, reason: string, isTold: boolean): boolean {
    const before = this.#entries.get(id)
    if (before?.reason === reason) return false
    const now = this.#now()
    const recalled = now.getTime() < this.#recalledUntil ? this.#recalled.get(id) : undefined
    this.#entries.set(id, { id, reason, since: before?.since ?? recalled ?? rfc3339(now), isTold })
    return true
  }
}
