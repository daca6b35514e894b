/**
 * The lines of a log. The default form is the one that tools around Calico match:
 * `YYYY-MM-DD HH:MM:SS.mmm [LEVEL][pid] program/component 0: message key=value`, where the component stands in place of
 * the file and 0 in place of the line. Secrets never reach a line.
 */
import { writeSync } from 'node:fs'
import { CalicoError } from './errors.ts'

/** Level, message and fields of one line. */
export type LogEntry = Readonly<Record<string, unknown>>

const WORDS: Record<string, string> = {
  fatal: 'FATAL',
  error: 'ERROR',
  warn: 'WARNING',
  info: 'INFO',
  debug: 'DEBUG',
  trace: 'TRACE',
}
const SECRET = /password|secret|token|credential/i

/** Writes all of `text`, waiting out a full pipe; stops quietly when the reader is gone. */
export function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (err) {
      if (!(err instanceof Error && 'code' in err && err.code === 'EAGAIN')) return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

/** One value of a field as text: errors with their code and causes, everything else as compact JSON. */
function fieldText(value: unknown): string {
  if (value instanceof Error) {
    const code = value instanceof CalicoError ? `${value.code}: ` : ''
    const cause = value.cause instanceof Error ? ` (${fieldText(value.cause)})` : ''
    return `${code}${value.message}${cause}`
  }
  if (typeof value === 'string') return /[\s"=]/.test(value) || value === '' ? JSON.stringify(value) : value
  if (typeof value === 'bigint') return String(value)
  return (
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'undefined'
  )
}

const redacted = (entry: LogEntry): LogEntry =>
  Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, SECRET.test(key) ? '<redacted>' : value]))

const stamp = (): string => new Date().toISOString().replace('T', ' ').replace('Z', '')

function textLine(entry: LogEntry): string {
  const { level, message, component = 'main', program = 'calico', ...fields } = entry
  const tail = Object.entries(fields)
    .map(([key, value]) => ` ${key}=${fieldText(value)}`)
    .join('')
  const head = `${stamp()} [${WORDS[String(level)] ?? String(level)}][${process.pid}]`
  return `${head} ${String(program)}/${String(component)} 0: ${String(message)}${tail.replaceAll('\n', '\\n')}`
}

function jsonLine({ level, message, ...fields }: LogEntry): string {
  const plain = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? fieldText(value) : value]),
  )
  return JSON.stringify(
    { time: new Date().toISOString(), level, pid: process.pid, message, ...plain },
    (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner),
  )
}

/** One entry as one line, without its end. */
export const renderLine = (entry: LogEntry, json: boolean): string =>
  json ? jsonLine(redacted(entry)) : textLine(redacted(entry))
