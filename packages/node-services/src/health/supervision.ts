/** State of a service as its runsv keeps it, in the 20 bytes of `supervise/status`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Verdict } from './judgement.ts'

export interface ServiceState {
  readonly state: 'down' | 'run' | 'finish'
  /** How long it has been in that state; never negative. */
  readonly ageMs: number
  /** 0 when down. */
  readonly pid: number
}

/** What the seconds of a TAI64 label count from, with the ten leap seconds that runit reckons with. */
const TAI_OFFSET = 4611686018427387914n
/** runsv starts a service again after a second; one that ends at once is never seen older than that. */
const SETTLED_MS = 2000

/**
 * @param status 8 bytes of seconds and 4 of nanoseconds, big endian; pid, little endian; paused, wanted, terminating, state
 * @returns Undefined when these are not 20 bytes
 */
export function parseServiceState(status: Buffer, nowMs: number): ServiceState | undefined {
  if (status.length !== 20) return undefined
  const sinceMs = Number(status.readBigUInt64BE(0) - TAI_OFFSET) * 1000 + status.readUInt32BE(8) / 1e6
  const state = (['down', 'run', 'finish'] as const)[status.readUInt8(19)] ?? 'down'
  return { state, ageMs: Math.max(0, nowMs - sinceMs), pid: status.readUInt32LE(12) }
}

/** Whether the supervisor keeps a service running, and not starting again and again. */
export function judgeService(servicesDir: string, service: string): Verdict {
  let status: Buffer
  try {
    status = readFileSync(join(servicesDir, service, 'supervise/status'))
  } catch {
    return { ok: false, detail: `service ${service} is not supervised` }
  }
  const now = parseServiceState(status, Date.now())
  if (now === undefined) return { ok: false, detail: `service ${service} is in no state yet` }
  const detail = `service ${service} in state ${now.state} for ${(now.ageMs / 1000).toFixed(1)} s`
  return { ok: now.state === 'run' && now.ageMs >= SETTLED_MS, detail }
}
