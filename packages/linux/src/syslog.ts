/**
 * The system's log. Node has no datagram sockets of the Unix kind, which /dev/log is, so lines go through one `logger`
 * that lives as long as they come. A log is never worth the program: where it cannot be written, lines are dropped.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

export interface Syslog {
  /** @param severity 0 (worst) to 7, as syslog has it */
  write(line: string, severity: number): void
}

const SOCKET = '/dev/log'
const DAEMON = 3
/** So much may wait for a log that does not read. */
const MOST_BYTES = 1 << 20
const RESTART_MS = 5000

/** @param tag What each line is headed with. @param onFailure Told what `logger` says when it ends, at most once each 5 s. */
export function createSyslog(tag: string, onFailure: (reason: string) => void): Syslog {
  let child: ChildProcess | undefined
  let startedAt = -Infinity
  const start = (): ChildProcess | undefined => {
    if (performance.now() - startedAt < RESTART_MS) return undefined
    startedAt = performance.now()
    if (!existsSync(SOCKET)) {
      onFailure(`${SOCKET} does not exist`) // logger says nothing then
      return undefined
    }
    const started = spawn('logger', ['--tag', tag, '--prio-prefix', '--id'], { stdio: ['pipe', 'ignore', 'pipe'] })
    let said = ''
    const over = (reason: string): void => {
      if (child !== started) return
      child = undefined
      onFailure(reason)
    }
    started.stderr.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(-500)))
    started.on('error', (err) => over(err.message))
    started.on('close', (status) => over(said.trim() || `logger ended with status ${status}`))
    started.stdin.on('error', () => undefined) // it ended: that is told already
    return started
  }
  return {
    write: (line, severity) => {
      child ??= start()
      const stdin = child?.stdin
      if (stdin?.writable && stdin.writableLength < MOST_BYTES) stdin.write(`<${DAEMON * 8 + severity}>${line}\n`)
    },
  }
}
