export { assertNever, CalicoError, hasCode, messageOf, type ErrorCode, type ErrorOptions } from './errors.ts'
export { diffMaps, type Delta } from './diff.ts'
export { nearestName } from './nearest.ts'
export { runProgram, stopSignal, type Program } from './program.ts'
export { backoffMs, rfc3339, sleep, waitFor, type BackoffOptions, type WaitOptions } from './time.ts'
export {
  findLogLevel,
  quietLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogTarget,
  type RootLogger,
} from './logger.ts'
export { createLineLogger } from './line-logger.ts'
export { createLogger } from './winston-logger.ts'
