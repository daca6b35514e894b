/**
 * One long-lived `ip -force -batch -` (or `bridge`, which shares its ways): a change costs a fraction of the time of a process of its own, and a thousand go in one
 * write. The tool goes on after a refused command and names its input line on standard error; a last line that it cannot know
 * marks the end, on the same stream, so that everything said before it belongs to lines before it.
 *
 * The tool looks up the index of an interface once and then believes it for good. Whoever hears that an interface is new, gone or
 * renamed calls `renew`, or a line would meet another interface than it names. A refused line renews too.
 *
 * A line that the tool cannot parse ends it. Then the whole batch is reported as failed, because nobody knows how far it got,
 * and the next batch starts a new process. Holds nothing that must survive: a killed parent closes the pipe and it exits.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { CalicoError } from '@calico-node/core'
import { commandError } from './command-error.ts'

const ARGS = ['-force', '-batch', '-']
/** No object of either tool starts like this, so the line always fails, and harmlessly. */
const END_MARK = 'end-of-batch'
const FAILED = /^Command failed -:(\d+)$/

type Child = ChildProcessByStdio<Writable, null, Readable>

interface Batch {
  readonly firstLine: number
  readonly results: (string | undefined)[]
  readonly resolve: (results: (string | undefined)[]) => void
  readonly reject: (err: unknown) => void
}

export class IpBatch {
  readonly #tool: 'ip' | 'bridge'
  readonly #timeoutMs: number
  #child: Child | undefined
  #stale = false
  #linesWritten = 0
  #said = ''
  #batch: Batch | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor({ tool = 'ip', timeoutMs = 30_000 }: { tool?: 'ip' | 'bridge'; timeoutMs?: number } = {}) {
    this.#tool = tool
    this.#timeoutMs = timeoutMs
  }

  /**
   * Runs commands (without the leading name of the tool) in order; a refused one does not stop the rest.
   *
   * @returns For each command `undefined`, or why it was refused.
   * @throws COMMAND_FAILED, COMMAND_MISSING, TIMED_OUT when the outcome is unknown.
   */
  run(commands: readonly string[]): Promise<readonly (string | undefined)[]> {
    const bad = commands.find((command) => command.includes('\n'))
    if (bad !== undefined) throw new CalicoError('INVALID', `Cannot run "${bad}": more than one line`)
    if (commands.length === 0) return Promise.resolve([])
    const result = this.#turn.then(() => this.#exchange(commands))
    this.#turn = result.catch(() => undefined)
    return result
  }

  /** The next batch meets interfaces as they are by then. */
  renew(): void {
    this.#stale = true
  }

  async #exchange(commands: readonly string[]): Promise<readonly (string | undefined)[]> {
    if (this.#stale) this.#retire()
    const child = (this.#child ??= this.#start())
    const { promise, resolve, reject } = Promise.withResolvers<(string | undefined)[]>()
    const results = commands.map(() => undefined)
    this.#batch = { firstLine: this.#linesWritten + 1, results, resolve, reject }
    this.#linesWritten += commands.length + 1
    const timer = setTimeout(() => this.#abandon(child), this.#timeoutMs)
    holdOpen(child, true)
    child.stdin.write(`${commands.join('\n')}\n${END_MARK}\n`)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#batch = undefined
      holdOpen(child, false)
    }
  }

  #start(): Child {
    const child = spawn(this.#tool, ARGS, { stdio: ['pipe', 'ignore', 'pipe'] })
    this.#linesWritten = 0
    this.#said = ''
    child.stdin.on('error', () => undefined) // it is gone: 'close' says why
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (child === this.#child) this.#listen(text)
    })
    child.on('error', (cause) => this.#end(child, undefined, cause))
    child.on('close', (exitCode) => this.#end(child, exitCode ?? undefined))
    return child
  }

  #retire(): void {
    this.#child?.stdin.end()
    this.#child = undefined
    this.#stale = false
  }

  #listen(text: string): void {
    const lines = (this.#said + text).split('\n')
    const partial = lines.pop() ?? ''
    let reason: string[] = []
    for (const line of lines) {
      const failed = FAILED.exec(line)
      if (failed === null) reason.push(line)
      else {
        this.#settle(Number(failed[1]), reason.join(' '))
        reason = []
      }
    }
    this.#said = [...reason, partial].join('\n')
  }

  #settle(line: number, reason: string): void {
    const batch = this.#batch
    if (batch === undefined) return
    const position = line - batch.firstLine
    if (position === batch.results.length) batch.resolve(batch.results)
    else if (position >= 0 && position < batch.results.length) {
      batch.results[position] = reason || 'refused'
      this.#stale = true
    }
  }

  #abandon(child: Child): void {
    this.#batch?.reject(commandError({ file: this.#tool, args: ARGS, stderr: this.#said, timedOutMs: this.#timeoutMs }))
    this.#child = undefined
    child.kill('SIGKILL')
  }

  #end(child: Child, exitCode: number | undefined, cause?: unknown): void {
    if (this.#child !== child) return
    this.#child = undefined
    this.#batch?.reject(commandError({ file: this.#tool, args: ARGS, stderr: this.#said, exitCode, cause }))
  }
}

/** While idle, neither the process nor its pipes keep ours alive. */
function holdOpen(child: Child, hold: boolean): void {
  for (const each of [child, child.stdin, child.stderr]) {
    if (each !== child && !(each instanceof Socket)) continue
    if (hold) each.ref()
    else each.unref()
  }
}
