/**
 * Logging: a narrow interface that everything takes, and its winston implementation.
 *
 * Lines go to file descriptor 1 synchronously, because winston's own transports lose queued lines when the process exits.
 * Nothing else in a daemon may touch `process.stdout`. The default line form is the one that tools around Calico match:
 * `YYYY-MM-DD HH:MM:SS.mmm [LEVEL][pid] component/program line: message key=value`, where in a bundle the component stands
 * in place of the file and 0 in place of the line. With `json` each line is one JSON object.
 */
import { writeSync } from 'node:fs'
import { MESSAGE } from 'triple-beam'
import winston from 'winston'
import Transport from 'winston-transport'
import { CalicoError } from './errors.ts'

export type LogFields = Readonly<Record<string, unknown>>
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** `error` = a person must look, `warn` = degraded and will retry, `info` = a state change, `debug` = per object. */
export interface Logger {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  /** A logger that adds `fields` to each line; `component` names the part of the program in the line's head. */
  child(fields: LogFields): Logger
}

/** A logger whose level can be changed while it runs; only `main` holds this one. */
export interface RootLogger extends Logger {
  setLevel(level: LogLevel | 'none'): void
}

const LEVELS: Record<LogLevel, number> = { fatal: 0, error: 1, warn: 2, info: 3, debug: 4, trace: 5 }
const isLogLevel = (word: string): word is LogLevel => word in LEVELS
const WORDS: Record<string, string> = {
  fatal: 'FATAL',
  error: 'ERROR',
  warn: 'WARNING',
  info: 'INFO',
  debug: 'DEBUG',
  trace: 'TRACE',
}
const SECRET = /password|secret|token|credential/i

/** Accepts Calico's level names in any case (Trace, Debug, Info, Warning, Error, Fatal, none). Undefined when unknown. */
export function findLogLevel(text: string): LogLevel | 'none' | undefined {
  const word = text.trim().toLowerCase()
  if (word === 'warning') return 'warn'
  if (word === 'panic' || word === 'critical') return 'fatal'
  if (word === 'none') return 'none'
  return isLogLevel(word) ? word : undefined
}

/** Writes all of `text`, waiting out a full pipe; stops quietly when the reader is gone. */
function writeAll(fd: number, text: string): void {
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

class SyncTransport extends Transport {
  readonly #fd: number
  constructor(fd: number) {
    super()
    this.#fd = fd
  }
  override log(info: Record<string | symbol, unknown>, next: () => void): void {
    writeAll(this.#fd, `${String(info[MESSAGE])}\n`)
    next()
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

const redact = winston.format((info) => {
  for (const key of Object.keys(info)) if (SECRET.test(key)) info[key] = '<redacted>'
  return info
})

const stamp = (): string => new Date().toISOString().replace('T', ' ').replace('Z', '')

const line = winston.format((info) => {
  const { level, message, component = 'main', program = 'calico', ...fields } = info as Record<string, unknown>
  const tail = Object.entries(fields)
    .map(([key, value]) => ` ${key}=${fieldText(value)}`)
    .join('')
  const head = `${stamp()} [${WORDS[String(level)] ?? String(level)}][${process.pid}]`
  info[MESSAGE] = `${head} ${String(program)}/${String(component)} 0: ${String(message)}${tail.replaceAll('\n', '\\n')}`
  return info
})

const jsonLine = winston.format((info) => {
  const { level, message, ...fields } = info as Record<string, unknown>
  const plain = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? fieldText(value) : value]),
  )
  info[MESSAGE] = JSON.stringify(
    { time: new Date().toISOString(), level, pid: process.pid, message, ...plain },
    (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner),
  )
  return info
})

export interface LoggerOptions {
  /** The process: felix, confd, startup, ... */
  readonly program: string
  readonly level?: LogLevel | 'none'
  /** One JSON object a line. Default: the environment variable CALICO_LOG_FORMAT equals `json`. */
  readonly json?: boolean
  /** File descriptor to write to. Default 1; programs whose results go to stdout use 2. */
  readonly fd?: number
}

class WinstonLogger implements RootLogger {
  readonly #inner: winston.Logger
  constructor(inner: winston.Logger) {
    this.#inner = inner
  }
  error(message: string, fields: LogFields = {}): void {
    this.#inner.log({ ...fields, level: 'error', message })
  }
  warn(message: string, fields: LogFields = {}): void {
    this.#inner.log({ ...fields, level: 'warn', message })
  }
  info(message: string, fields: LogFields = {}): void {
    this.#inner.log({ ...fields, level: 'info', message })
  }
  debug(message: string, fields: LogFields = {}): void {
    this.#inner.log({ ...fields, level: 'debug', message })
  }
  child(fields: LogFields): Logger {
    return new WinstonLogger(this.#inner.child(fields))
  }
  setLevel(level: LogLevel | 'none'): void {
    this.#inner.silent = level === 'none'
    if (level !== 'none') this.#inner.level = level
  }
}

export function createLogger(opts: LoggerOptions): RootLogger {
  const { program, level = 'info', json = process.env['CALICO_LOG_FORMAT'] === 'json', fd = 1 } = opts
  const logger = new WinstonLogger(
    winston.createLogger({
      levels: LEVELS,
      level: 'info',
      defaultMeta: { program },
      format: winston.format.combine(redact(), json ? jsonLine() : line()),
      transports: [new SyncTransport(fd)],
    }),
  )
  logger.setLevel(level)
  return logger
}

/** Says nothing: for tests and one-shot calls. */
export const quietLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => quietLogger,
}
