/** The closed set of reasons that a caller may branch on. */
export type ErrorCode =
  | 'INVALID' // the input is wrong; nothing was changed
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'CONFLICT' // the object changed since it was read
  | 'IN_USE'
  | 'EXHAUSTED' // no address, block or retry left
  | 'UNSUPPORTED'
  | 'FORBIDDEN' // etcd refused the credentials or the permission
  | 'STORE_UNAVAILABLE'
  | 'AMBIGUOUS' // a write may or may not have been applied: read back and compare
  | 'COMPACTED' // the wanted revision is gone: list again
  | 'COMMAND_FAILED'
  | 'COMMAND_MISSING'
  | 'APPLY_FAILED'
  | 'TIMED_OUT'

export interface ErrorOptions {
  readonly context?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** Base of every error a caller may branch on. `code` is stable; `message` ("Cannot <action> <object>: <state>") is for people. */
export class CalicoError extends Error {
  readonly code: ErrorCode
  readonly context: Readonly<Record<string, unknown>>
  constructor(code: ErrorCode, message: string, opts: ErrorOptions = {}) {
    super(message, opts.cause === undefined ? {} : { cause: opts.cause })
    this.name = new.target.name
    this.code = code
    this.context = opts.context ?? {}
  }
}

export const hasCode = (err: unknown, ...codes: readonly ErrorCode[]): err is CalicoError =>
  err instanceof CalicoError && codes.includes(err.code)

/** The text of anything that was thrown. */
export const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err))

/** Put in every `default:` of a switch over a union. */
export function assertNever(value: never): never {
  throw new Error(`Unreachable case: ${JSON.stringify(value)}`)
}
