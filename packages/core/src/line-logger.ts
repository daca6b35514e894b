import { renderLine, writeAll } from './log-line.ts'
import { LEVELS, type LogFields, type Logger, type LoggerOptions, type LogLevel } from './logger.ts'

/**
 * A logger for programs that run once and mostly have nothing to say: the same lines as the daemons write, without the
 * time that loading winston takes.
 */
export function createLineLogger(opts: LoggerOptions): Logger {
  const { program, level: highest = 'info', json = process.env['CALICO_LOG_FORMAT'] === 'json', fd = 1 } = opts
  const loggerWith = (fixed: LogFields): Logger => {
    const say =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}): void => {
        if (highest === 'none' || LEVELS[level] > LEVELS[highest]) return
        writeAll(fd, `${renderLine({ ...fixed, ...fields, program, level, message }, json)}\n`)
      }
    return {
      error: say('error'),
      warn: say('warn'),
      info: say('info'),
      debug: say('debug'),
      child: (fields) => loggerWith({ ...fixed, ...fields }),
    }
  }
  return loggerWith({})
}
