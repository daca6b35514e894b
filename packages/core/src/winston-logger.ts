/**
 * The logger of the daemons. Lines go to their file descriptor synchronously, because winston's own transports lose
 * queued lines when the process exits. Nothing else in a daemon may touch `process.stdout`.
 */
import { MESSAGE } from 'triple-beam'
import winston from 'winston'
import Transport from 'winston-transport'
import { renderLine, writeAll } from './log-line.ts'
import {
  isLogLevel,
  LEVELS,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogTarget,
  type RootLogger,
} from './logger.ts'

class SyncTransport extends Transport {
  readonly #target: LogTarget
  constructor(target: LogTarget, level: LogLevel) {
    super({ level })
    this.#target = target
  }
  override log(info: Record<string | symbol, unknown>, next: () => void): void {
    const level = String(info['level'])
    this.#target(String(info[MESSAGE]), isLogLevel(level) ? level : 'info')
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
  readonly #screen: SyncTransport
  constructor(inner: winston.Logger, screen: SyncTransport) {
    this.#inner = inner
    this.#screen = screen
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
    return new WinstonLogger(this.#inner.child(fields), this.#screen)
  }
  setLevel(level: LogLevel | 'none'): void {
    this.#screen.silent = level === 'none'
    if (level !== 'none') this.#screen.level = level
    this.#takeIn()
  }
  addTarget(target: LogTarget, level: LogLevel): void {
    this.#inner.add(new SyncTransport(target, level))
    this.#takeIn()
  }

  /** Lines that no target wants are not even made. */
  #takeIn(): void {
    const wanted = this.#inner.transports.flatMap(({ silent, level }) => (silent || level === undefined ? [] : [level]))
    const levels = wanted.filter(isLogLevel).toSorted((a, b) => LEVELS[b] - LEVELS[a])
    this.#inner.silent = levels[0] === undefined
    if (levels[0] !== undefined) this.#inner.level = levels[0]
  }
}

export function createLogger(opts: LoggerOptions): RootLogger {
  const { program, level = 'info', json = process.env['CALICO_LOG_FORMAT'] === 'json', fd = 1 } = opts
  const screen = new SyncTransport((text) => writeAll(fd, `${text}\n`), 'info')
  const logger = new WinstonLogger(
    winston.createLogger({
      levels: { ...LEVELS },
      level: 'info',
      defaultMeta: { program },
      format: formatOf(json),
      transports: [screen],
    }),
    screen,
  )
  logger.setLevel(level)
  return logger
}
