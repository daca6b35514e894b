/**
 * The logger of the daemons. Lines go to their file descriptor synchronously, because winston's own transports lose
 * queued lines when the process exits. Nothing else in a daemon may touch `process.stdout`.
 */
import { MESSAGE } from 'triple-beam'
import winston from 'winston'
import Transport from 'winston-transport'
import { renderLine, writeAll } from './log-line.ts'
import { LEVELS, type LogFields, type Logger, type LoggerOptions, type LogLevel, type RootLogger } from './logger.ts'

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

const formatOf = (json: boolean) =>
  winston.format((info) => {
    info[MESSAGE] = renderLine(info, json)
    return info
  })()

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
      levels: { ...LEVELS },
      level: 'info',
      defaultMeta: { program },
      format: formatOf(json),
      transports: [new SyncTransport(fd)],
    }),
  )
  logger.setLevel(level)
  return logger
}
