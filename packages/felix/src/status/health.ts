/**
 * Whether Felix lives and is ready. Every part reports for itself, again and again; a part that falls silent for longer
 * than its timeout counts as dead. Felix is live, or ready, when all parts say so.
 */
import type { HealthTimeout } from '../config/param-types.ts'

export interface HealthReport {
  readonly live: boolean
  readonly ready: boolean
  /** Why not, for people. */
  readonly detail?: string
}

export interface HealthPart {
  /** Upstream's name for it, which timeout overrides use. */
  readonly name: string
  /** Silence longer than this is death; 0 = it may stay silent. */
  readonly timeoutMs: number
}

export interface HealthSummary {
  readonly live: boolean
  readonly ready: boolean
  /** One line per part; empty when no part has registered. */
  readonly detail: string
}

interface State extends HealthPart {
  readonly report: HealthReport
  /** When it came, on the clock. */
  readonly at: number
}

export class Health {
  readonly #now: () => number
  readonly #parts = new Map<string, State>()
  #overrides: ReadonlyMap<string, number> = new Map()

  /** @param now A clock that never jumps, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Adds a part, live and not ready until it reports. */
  register(part: HealthPart): void {
    this.#parts.set(part.name, { ...part, report: { live: true, ready: false, detail: 'starting' }, at: this.#now() })
  }

  report(name: string, report: HealthReport): void {
    const part = this.#parts.get(name)
    if (part === undefined) throw new Error(`Cannot report health of ${name}: it was never registered`)
    this.#parts.set(name, { ...part, report, at: this.#now() })
  }

  /** Replaces all earlier overrides; applies at once. */
  setTimeouts(overrides: readonly HealthTimeout[]): void {
    this.#overrides = new Map(overrides.map(({ name, timeoutMs }) => [name, timeoutMs]))
  }

  summary(): HealthSummary {
    const rows = [...this.#parts.values()].map((part) => this.#judge(part))
    return {
      live: rows.every((row) => row.live),
      ready: rows.every((row) => row.ready),
      detail: rows.length === 0 ? '' : table([HEADINGS, ...rows.map(cells)]),
    }
  }

  #judge({ name, report, at, timeoutMs: usual }: State): Row {
    const timeoutMs = this.#overrides.get(name) ?? usual
    const silentMs = this.#now() - at
    const timedOut = timeoutMs > 0 && silentMs > timeoutMs
    return {
      name,
      timeout: timeoutMs > 0 ? `${timeoutMs / 1000}s` : '-',
      live: report.live && !timedOut,
      ready: report.ready && !timedOut,
      detail: timedOut ? `silent for ${Math.round(silentMs / 1000)}s` : (report.detail ?? ''),
    }
  }
}

interface Row {
  readonly name: string
  readonly timeout: string
  readonly live: boolean
  readonly ready: boolean
  readonly detail: string
}

const HEADINGS = ['COMPONENT', 'TIMEOUT', 'LIVENESS', 'READINESS', 'DETAIL']
const cells = ({ name, timeout, live, ready, detail }: Row): string[] => [
  name,
  timeout,
  live ? 'live' : 'dead',
  ready ? 'ready' : 'not ready',
  detail,
]

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
