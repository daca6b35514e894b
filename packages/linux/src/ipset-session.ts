/**
 * One `ipset` that stays and reads commands: so a change of a member takes a third of a millisecond, and ten times that with a
 * process of its own.
 *
 * It can confirm, and nothing else. A command that went well says nothing, so each batch ends with one that must fail, before
 * it gets to the kernel, in words that name the batch. If anything else is said, if the process ends, or if nothing comes
 * before the deadline, what became of the lines is unknown: the caller writes them again by `ipset restore`, which tells what it
 * refuses. So they must be such as may be written twice. The process is ended first, to the last of what it does; it also
 * remembers the types of sets, which somebody may have changed.
 *
 * Restart: the process ends with its input, that is with this one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import type { Logger } from '@calico-node/core'

export interface IpSetSessionOptions {
  readonly log: Logger
  /** How long a batch may take. Default 10 000. */
  readonly timeoutMs?: number
  /** After a session that failed, so long there is none. Default 10 000. */
  readonly pauseMs?: number
}

/** Whether this line may go this way: a member that comes or goes, in a set that is there. */
export const isMemberChange = (line: string): boolean => /^(add|del) /.test(line)

export class IpSetSession {
  readonly #log: Logger
  readonly #timeoutMs: number
  readonly #pauseMs: number
  #process: ChildProcess | undefined
  #batches = 0
  #notBefore = -Infinity

  constructor({ log, timeoutMs = 10_000, pauseMs = 10_000 }: IpSetSessionOptions) {
    this.#log = log
    this.#timeoutMs = timeoutMs
    this.#pauseMs = pauseMs
  }

  /** One batch at a time. @returns Whether the kernel is known to hold what all of these lines say, in their order. */
  async write(lines: readonly string[]): Promise<boolean> {
    if (performance.now() < this.#notBefore) return false
    const child = (this.#process ??= start())
    const mark = `batch-${this.#batches++}`
    const said = await talk(child, {
      input: `${lines.join('\n')}\ncreate end ${mark}\n`,
      mark,
      timeoutMs: this.#timeoutMs,
    })
    if (isOnlyMark(said, mark)) return true
    this.#log.info('IP set session failed, goes on without it for now', { said, pid: child.pid })
    this.#process = undefined
    this.#notBefore = performance.now() + this.#pauseMs
    await ended(child)
    return false
  }
}

/** It does not keep this process from ending. */
function start(): ChildProcess {
  const child = spawn('ipset', ['-exist', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
  child.on('error', () => undefined) // it is closed then, too
  child.stdin.on('error', () => undefined)
  child.stderr.setEncoding('utf8')
  child.unref()
  for (const stream of [child.stdin, child.stderr]) if (stream instanceof Socket) stream.unref()
  return child
}

interface Talk {
  readonly input: string
  readonly mark: string
  readonly timeoutMs: number
}

/** @returns What the process said up to the mark, or until it ended or the time was over. */
async function talk(child: ChildProcess, { input, mark, timeoutMs }: Talk): Promise<string> {
  if (hasEnded(child)) return 'ended'
  const { promise, resolve } = Promise.withResolvers<string>()
  let said = ''
  const onText = (text: string): void => {
    said += text
    if (said.includes(mark) && said.endsWith('\n')) resolve(said)
  }
  const onClose = (): void => resolve(`${said}ended`)
  const deadline = setTimeout(() => resolve(`${said}silent for ${timeoutMs} ms`), timeoutMs)
  child.stderr?.on('data', onText)
  child.on('close', onClose)
  child.stdin?.write(input)
  try {
    return await promise
  } finally {
    clearTimeout(deadline)
    child.stderr?.off('data', onText)
    child.off('close', onClose)
  }
}

const isOnlyMark = (said: string, mark: string): boolean =>
  said.includes(mark) && said.indexOf('\n') === said.length - 1

const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null

async function ended(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  child.ref()
  await exit
}
