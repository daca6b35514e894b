import { branded, type Brand } from '../brand.ts'
import { invalidText } from '../invalid.ts'

/** Duration text as Go prints it: `1m30s`, `0s`, `500ms`. */
export type DurationText = Brand<string, 'DurationText'>

const US = 1000n
const MS = 1000n * US
const S = 1000n * MS
const M = 60n * S
const H = 60n * M
const UNIT_NS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', US],
  ['µs', US],
  ['ms', MS],
  ['s', S],
  ['m', M],
  ['h', H],
])
const PART = /(\d+)(?:\.(\d+))?(ns|us|µs|ms|s|m|h)/gy
const MAX_NS = 2n ** 63n - 1n

export const DURATION_RULE = 'numbers with the units h, m, s, ms, us or ns, such as 90s or 1m30s'

/** Nanoseconds, exact; undefined when malformed or beyond 64 bits. */
function nanoseconds(text: string): bigint | undefined {
  const negative = text.startsWith('-')
  const body = negative || text.startsWith('+') ? text.slice(1) : text
  if (body === '0') return 0n
  let total = 0n
  let end = 0
  for (const [part, whole = '', fraction = '', unit = ''] of body.matchAll(PART)) {
    const scale = UNIT_NS.get(unit) ?? 0n
    total += BigInt(whole) * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length)
    end += part.length
  }
  if (body === '' || end !== body.length || total > MAX_NS) return undefined
  return negative ? -total : total
}

/** Undefined unless `text` is a duration; the result is canonical. */
export function findDuration(text: string): DurationText | undefined {
  const ns = nanoseconds(text)
  return ns === undefined ? undefined : printNanoseconds(ns)
}

/** @returns Milliseconds, with a fraction where the text is finer. @throws INVALID */
export function parseDuration(text: string): number {
  const ns = nanoseconds(text)
  if (ns === undefined) throw invalidText('duration', text, DURATION_RULE)
  return Number(ns / MS) + Number(ns % MS) / 1e6
}

/** @param ms Milliseconds; rounded to whole nanoseconds. */
export const printDuration = (ms: number): DurationText =>
  printNanoseconds(BigInt(Math.trunc(ms)) * MS + BigInt(Math.round((ms % 1) * 1e6)))

function printNanoseconds(ns: bigint): DurationText {
  const size = ns < 0n ? -ns : ns
  return branded(`${ns < 0n ? '-' : ''}${size < S ? printSmall(size) : printLarge(size)}`)
}

function printSmall(ns: bigint): string {
  if (ns === 0n) return '0s'
  if (ns < US) return `${ns}ns`
  return ns < MS ? `${decimal(ns, US)}µs` : `${decimal(ns, MS)}ms`
}

function printLarge(ns: bigint): string {
  const hours = ns / H
  const minutes = (ns % H) / M
  const seconds = `${decimal(ns % M, S)}s`
  if (hours > 0n) return `${hours}h${minutes}m${seconds}`
  return minutes > 0n ? `${minutes}m${seconds}` : seconds
}

function decimal(value: bigint, unit: bigint): string {
  const digits = String(unit).length - 1
  const fraction = String(value % unit)
    .padStart(digits, '0')
    .replace(/0+$/, '')
  return fraction === '' ? String(value / unit) : `${value / unit}.${fraction}`
}
