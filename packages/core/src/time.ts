import { setTimeout as delay } from 'node:timers/promises'
import { CalicoError } from './errors.ts'

export interface BackoffOptions {
  readonly baseMs?: number
  readonly capMs?: number
  readonly random?: () => number
}

/**
 * Delay before retry number `attempt`, with full jitter.
 *
 * @param attempt Failures so far, counted from 0.
 * @param opts.baseMs First ceiling, in milliseconds. Default 100.
 * @param opts.capMs Largest ceiling, in milliseconds. Default 30 000.
 * @param opts.random Uniform source in [0, 1); passed in so tests are exact.
 * @returns A whole number of milliseconds in [0, min(capMs, baseMs * 2^attempt)).
 * @throws {RangeError} If `attempt` is negative or not an integer.
 */
export function backoffMs(attempt: number, opts: BackoffOptions = {}): number {
  const { baseMs = 100, capMs = 30_000, random = Math.random } = opts
  if (!Number.isInteger(attempt) || attempt < 0) {
    throw new RangeError(`Cannot compute backoff as attempt must be a whole number >= 0: current value is ${attempt}`)
  }
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** attempt))
}

/** RFC 3339 in UTC, without fractions of a second. */
export const rfc3339 = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`

/** Waits; resolves early (without error) when `signal` aborts. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
}

export interface WaitOptions {
  readonly deadlineMs?: number
  readonly pollMs?: number
}

/**
 * Polls `probe` until it returns something other than `undefined` or `false`, and returns that.
 *
 * @param what Completes the sentence "Timed out waiting for ...".
 * @param probe Called again and again; a throw counts as "not yet".
 * @param opts.deadlineMs Default 10 000.
 * @throws TIMED_OUT, with what the last probe threw or returned.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  opts: WaitOptions = {},
): Promise<T> {
  const { deadlineMs = 10_000, pollMs = 50 } = opts
  const end = performance.now() + deadlineMs
  for (;;) {
    let cause: unknown
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
    } catch (err) {
      cause = err
    }
    if (performance.now() >= end) {
      const last = cause instanceof Error ? `: ${cause.message}` : ''
      throw new CalicoError('TIMED_OUT', `Timed out after ${deadlineMs} ms waiting for ${what}${last}`, { cause })
    }
    await delay(pollMs)
  }
}
