/**
 * Notices that another program has used iptables-legacy, whose kernel interface has no events.
 *
 * Every command that may change rules, whoever runs it, locks one file of the host and closes it when it is done;
 * `iptables-legacy-save`, by which we read, does not touch it. inotify tells of the closing, in whatever container it happened,
 * as long as that container was given the same file; Node's own watcher does not ask for closings. A close says neither who nor
 * what it was: our own commands are counted, and anything beyond them may have changed every table.
 */
import { closeSync, constants, openSync, statSync } from 'node:fs'
import { sleep, type Logger } from '@calico-node/core'
import { followLines } from '../follow-lines.ts'
import type { Tool } from '../run.ts'
import type { RuleHint, RuleMonitor } from './rule-monitor.ts'

/** A closing may be told of so long after the command that did it has ended. */
const ECHO_MS = 300
const RETRY_MS = 1000
const EVENTS = 'close,attrib,move_self,delete_self'
const MEANWHILE = 'changes of rules by others are found by timed checks'

export class LockMonitor implements RuleMonitor {
  readonly #file: string
  readonly #log: Logger
  /** Closings of our own that have yet to be told of, and until when they may be. */
  #own: { until: number }[] = []
  #complained = false

  constructor({ file, log }: { readonly file: string; readonly log: Logger }) {
    this.#file = file
    this.#log = log.child({ component: 'lock-monitor', file })
  }

  noting(tool: Tool): Tool {
    return async (program, args, opts) => {
      if (!program.endsWith('tables-legacy-restore')) return tool(program, args, opts)
      const closing = { until: Infinity }
      this.#own = [...this.#awaited(), closing]
      try {
        return await tool(program, args, { ...opts, env: { ...opts.env, XTABLES_LOCKFILE: this.#file } })
      } finally {
        closing.until = performance.now() + ECHO_MS
      }
    }
  }

  async *hints(signal: AbortSignal): AsyncGenerator<RuleHint> {
    while (!signal.aborted) {
      if (this.#isThere()) {
        yield* this.#follow(signal)
        yield { kind: 'watch', by: 'none' }
      }
      await sleep(RETRY_MS, signal)
    }
  }

  /** Until the file is not the one that stands under its name any more, or may not be. */
  async *#follow(signal: AbortSignal): AsyncGenerator<RuleHint> {
    const args = ['--monitor', '--quiet', '--event', EVENTS, '--format', '%e', this.#file]
    for await (const event of followLines('inotifywait', args, { log: this.#log, meanwhile: MEANWHILE }, signal)) {
      if (event.kind !== 'line') yield { kind: 'watch', by: event.kind === 'started' ? 'lock' : 'none' }
      else if (!event.line.startsWith('CLOSE')) return
      else if (this.#closedByAnother()) yield { kind: 'changed' }
    }
  }

  /** Of our own closings, those that can be told of for the shortest time count first. */
  #closedByAnother(): boolean {
    const [own, ...others] = this.#awaited().toSorted((a, b) => a.until - b.until)
    this.#own = others
    return own === undefined
  }

  #awaited(): { until: number }[] {
    const now = performance.now()
    return this.#own.filter(({ until }) => until > now)
  }

  /** Makes the file when there is none, as iptables does. A file without a name was removed on the host: others use a new one. */
  #isThere(): boolean {
    try {
      closeSync(openSync(this.#file, constants.O_RDONLY | constants.O_CREAT, 0o600))
      if (statSync(this.#file).nlink > 0) {
        this.#complained = false
        return true
      }
      this.#complain(new Error('it was removed on the host; start the container again to share the new one'))
    } catch (err) {
      this.#complain(err)
    }
    return false
  }

  #complain(err: unknown): void {
    if (!this.#complained) this.#log.warn('Cannot watch the lock of iptables', { err, meanwhile: MEANWHILE })
    this.#complained = true
  }
}
