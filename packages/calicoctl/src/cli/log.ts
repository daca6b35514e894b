import { createLogger, findLogLevel, type Logger } from '@calico-node/core'

/** The log of libraries, on standard error. A module of its own: winston takes as long to load as all the rest. */
export const openLog = (level: string): Logger =>
  createLogger({ program: 'calicoctl', level: findLogLevel(level) ?? 'info', fd: 2 })
