import { createLineLogger, findLogLevel, type Logger } from '@calico-node/core'

/** The log of libraries, on standard error. */
export const openLog = (level: string): Logger =>
  createLineLogger({ program: 'calicoctl', level: findLogLevel(level) ?? 'info', fd: 2 })
