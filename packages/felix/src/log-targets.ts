/** Where Felix's log goes besides standard output. Neither target may stop Felix: what fails is told on the others. */
import { mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { findLogLevel, type LogLevel, messageOf, type RootLogger } from '@calico-node/core'
import { createSyslog } from '@calico-node/linux'
import type { FelixConfig } from './config/params.ts'
import type { ProblemSink } from './status/problems.ts'

/** What syslog calls our levels. */
const SEVERITY: Readonly<Record<LogLevel, number>> = { fatal: 2, error: 3, warn: 4, info: 6, debug: 7, trace: 7 }
const TAG = 'calico-felix'

export type LogTargetConfig = Pick<FelixConfig, 'LogSeverityFile' | 'LogFilePath' | 'LogSeveritySys'>

/** Adds the targets that the parameters ask for; call it once. */
export function addLogTargets(config: LogTargetConfig, log: RootLogger, problems: ProblemSink): void {
  const fileLevel = findLogLevel(config.LogSeverityFile) ?? 'none'
  if (fileLevel !== 'none' && config.LogFilePath !== '') addFile(config.LogFilePath, fileLevel, { log, problems })
  const syslogLevel = findLogLevel(config.LogSeveritySys) ?? 'none'
  if (syslogLevel === 'none') return
  const syslog = createSyslog(TAG, (reason) => problems.raise('log syslog', `Cannot write to syslog: ${reason}`))
  log.addTarget((line, level) => syslog.write(line, SEVERITY[level]), syslogLevel)
}

interface Tools {
  readonly log: RootLogger
  readonly problems: ProblemSink
}

/** Appends, so that a file that is rotated by copying goes on; after one by renaming, SIGHUP starts Felix anew. */
function addFile(path: string, level: LogLevel, { log, problems }: Tools): void {
  const fail = (err: unknown): void => problems.raise('log file', `Cannot write the log to ${path}: ${messageOf(err)}`)
  try {
    mkdirSync(dirname(path), { recursive: true })
    const fd = openSync(path, 'a')
    const append = (line: string): void => {
      try {
        writeSync(fd, `${line}\n`)
        problems.clear('log file')
      } catch (err) {
        fail(err) // tells the log once, and hence comes here once more
      }
    }
    log.addTarget(append, level)
  } catch (err) {
    fail(err)
  }
}
