/** Logging as everything takes it: a narrow interface. What stands behind it is chosen by `main`. */
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
  /** Of its first target. */
  setLevel(level: LogLevel | 'none'): void
  /** One more place for the same lines, with a level of its own. */
  addTarget(target: LogTarget, level: LogLevel): void
}

/** Takes lines of a log, without their end. Must not throw. */
export type LogTarget = (line: string, level: LogLevel) => void

/** From the worst to the least: a level lets through what is not above it. */
export const LEVELS: Readonly<Record<LogLevel, number>> = { fatal: 0, error: 1, warn: 2, info: 3, debug: 4, trace: 5 }
export const isLogLevel = (word: string): word is LogLevel => word in LEVELS
export interface LoggerOptions {
  /** The process: felix, confd, startup, ... */
  readonly program: string
  readonly level?: LogLevel | 'none'
  /** One JSON object a line. Default: the environment variable CALICO_LOG_FORMAT equals `json`. */
  readonly json?: boolean
  /** File descriptor to write to. Default 1; programs whose results go to stdout use 2. */
  readonly fd?: number
}

/** Accepts Calico's level names in any case (Trace, Debug, Info, Warning, Error, Fatal, none). Undefined when unknown. */
export function findLogLevel(text: string): LogLevel | 'none' | undefined {
  const word = text.trim().toLowerCase()
  if (word === 'warning') return 'warn'
  if (word === 'panic' || word === 'critical') return 'fatal'
  if (word === 'none') return 'none'
  return isLogLevel(word) ? word : undefined
}

/** Says nothing: for tests and one-shot calls. */
export const quietLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => quietLogger,
}
