import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createLineLogger, type LogFields, type Logger } from '@calico-node/core'
import type { NetConf } from './net-conf.ts'

type Level = 'error' | 'warn' | 'info' | 'debug'
const RANK: Record<Level, number> = { error: 0, warn: 1, info: 2, debug: 3 }

interface Line {
  readonly level: Level
  readonly message: string
  readonly fields: LogFields
}

/**
 * Keeps lines until the plugin ends, when the settings that say where they go have been read. Lines go to standard error and to the configured file, never to standard output.
 */
export class LateLogger implements Logger {
  readonly #lines: Line[]
  readonly #fields: LogFields

  constructor(lines: Line[] = [], fields: LogFields = {}) {
    this.#lines = lines
    this.#fields = fields
  }

  error = (message: string, fields?: LogFields): void => this.#keep('error', message, fields)
  warn = (message: string, fields?: LogFields): void => this.#keep('warn', message, fields)
  info = (message: string, fields?: LogFields): void => this.#keep('info', message, fields)
  debug = (message: string, fields?: LogFields): void => this.#keep('debug', message, fields)
  child = (fields: LogFields): Logger => new LateLogger(this.#lines, { ...this.#fields, ...fields })

  #keep(level: Level, message: string, fields: LogFields = {}): void {
    this.#lines.push({ level, message, fields: { ...this.#fields, ...fields } })
  }

  /** Prints what was said, as far as the level lets it. Never throws: a full disk is no reason to leave a container out. */
  flush(settings: LogSettings): void {
    const { log_level: wanted, log_file_path: path } = settings
    const highest = RANK[levelOf(wanted)]
    const lines = this.#lines.splice(0).filter(({ level }) => RANK[level] <= highest)
    if (lines.length === 0) return
    const file = path === '' ? undefined : openLogFile(path, settings)
    for (const fd of [2, ...(file === undefined ? [] : [file])]) {
      const logger = createLineLogger({ program: 'cni', level: 'debug', fd })
      for (const { level, message, fields } of lines) logger[level](message, fields)
    }
    if (file !== undefined) closeSync(file)
  }
}

export type LogSettings = Pick<
  NetConf,
  'log_level' | 'log_file_path' | 'log_file_max_size' | 'log_file_max_age' | 'log_file_max_count'
>

function levelOf(text: string): Level {
  const word = text.toLowerCase()
  if (word === 'debug' || word === 'error') return word
  return word === 'warning' || word === 'warn' ? 'warn' : 'info'
}

/** Appends. A file that has grown too large is set aside under the time, and those that are too old or too many go. */
function openLogFile(path: string, settings: LogSettings): number | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true })
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size > settings.log_file_max_size * 1024 * 1024) {
      renameSync(path, `${path}.${new Date().toISOString()}`)
      removeOldFiles(path, settings)
    }
    return openSync(path, 'a', 0o644)
  } catch {
    return undefined
  }
}

const DAY_MS = 24 * 60 * 60 * 1000

function removeOldFiles(path: string, { log_file_max_age: days, log_file_max_count: count }: LogSettings): void {
  const prefix = `${basename(path)}.`
  const aside = readdirSync(dirname(path)).filter(
    (name) => name.startsWith(prefix) && !isNaN(Date.parse(name.slice(prefix.length))),
  )
  const newestFirst = aside.toSorted((a, b) => (a < b ? 1 : -1))
  const tooOld = (name: string): boolean => Date.now() - Date.parse(name.slice(prefix.length)) > days * DAY_MS
  for (const [at, name] of newestFirst.entries())
    if (at >= count || tooOld(name)) rmSync(join(dirname(path), name), { force: true })
}
