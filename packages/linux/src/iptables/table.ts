/**
 * One table of iptables, one IP version, either variant (legacy or nft).
 *
 * Goals, in order: what is ours in the kernel is exactly what is wanted; a packet sees the old rules or the new ones and never
 * a mixture; rules of others are neither changed nor moved; a rule that the kernel refuses does not hold up the rest; nothing is
 * written when nothing changed; nothing is programmed that no hook reaches.
 *
 * How: every rule carries an id that depends on itself and on all before it (rule-ids.ts), so reading means reading ids. A chain
 * of ours whose ids differ is rewritten whole; in a chain of others, all of ours are taken out by their full text and put in
 * again where they belong. Everything goes in one iptables-restore, which commits it all or nothing. Rewriting whole chains
 * costs their counters, but works from any state, also when another program wrote between our read and our write.
 *
 * A chain that the tool refuses keeps what it last held; one that held nothing yet drops everything. So does a chain that is
 * jumped to but was never set. Both are errors that the caller hears of at each `apply`.
 *
 * The kernel does not reliably say when rules change, so the table is read again by the clock (check-schedule.ts), or sooner
 * when somebody hints at a change (rule-monitor.ts).
 *
 * Restart: nothing is remembered. Our chains are known by prefix, our rules elsewhere by their id comment or by jumping to such
 * a chain. Ids that equal the wanted ones mean that there is nothing to write.
 */
import { backoffMs, CalicoError, hasCode, sleep, type Logger } from '@calico-node/core'
import type { RuleTable } from '../ports.ts'
import { renderRule } from '../rules/render-iptables.ts'
import type { Chain, Hook, IpVersion, Rule, Table } from '../rules/types.ts'
import { runTool, type Tool } from '../run.ts'
import { CheckSchedule, type RuleWatch } from './check-schedule.ts'
import { ReachableChains } from './reachable-chains.ts'
import { ruleIds } from './rule-ids.ts'
import { idCount, idsText, parseSave, type TableState } from './save-text.ts'
import {
  driftedChains,
  hookFix,
  recordChange,
  transactionOf,
  type Blame,
  type HookLines,
  type InsertMode,
  type RuleLines,
  type TableChange,
} from './transaction.ts'

export type IptablesVariant = 'legacy' | 'nft'

export interface RuleTableOptions {
  readonly variant: IptablesVariant
  readonly table: Table
  readonly ipVersion: IpVersion
  readonly log: Logger
  /** Where the `insert` rules of a hook stand: before (default) or after everybody else's. */
  readonly insertMode?: InsertMode
  /** First read-back after a write, doubled each time. Default 5 000. */
  readonly postWriteCheckMs?: number
  /** Longest time between read-backs; 0 = only after writes. Default 180 000. */
  readonly refreshMs?: number
  /** How long iptables waits for another's lock. Default 10. */
  readonly lockTimeoutSeconds?: number
  /** What runs commands. */
  readonly tool?: Tool
}

export function createRuleTable(opts: RuleTableOptions): RuleTable {
  return new IptablesTable(opts)
}

const ATTEMPTS = 6
const RETRY_BASE_MS = 20
const READ_TIMEOUT_MS = 60_000
/** The nft variant needs 20 s for 200 000 rules. */
const WRITE_TIMEOUT_MS = 180_000
const MAX_LISTING_BYTES = 1024 * 1024 * 1024
/** The kernel tells of our own changes as well; of the legacy variant's, only those of others are heard. */
const KERNEL_ECHO_MS = 300
const NO_RULES: RuleLines = { ids: [], rules: [] }

class IptablesTable implements RuleTable {
  readonly table: Table
  readonly ipVersion: IpVersion
  readonly #command: string
  readonly #log: Logger
  readonly #tool: Tool
  readonly #mode: InsertMode
  readonly #lockSeconds: number
  readonly #schedule: CheckSchedule
  readonly #chains = new Map<string, Chain>()
  readonly #hooks = new Map<string, Hook>()
  readonly #reachable = new ReachableChains()
  /** Ids of wanted chains, made when first needed. */
  readonly #wantedIds = new Map<string, string>()
  readonly #dirtyChains = new Set<string>()
  readonly #dirtyHooks = new Set<string>()
  /** The kernel's table as last read and written; undefined when a failure left that unknown. */
  #actual: TableState | undefined
  /** Whether `#actual` may be relied on without reading. */
  #fresh = false
  /** What the tool did not take: left as it is until it changes or the retry is due. */
  readonly #refused = new Map<string, CalicoError>()
  #failures = 0
  #retryAt = Infinity

  constructor(opts: RuleTableOptions) {
    const { variant, table, ipVersion, log, insertMode = 'insert', lockTimeoutSeconds = 10, tool = runTool } = opts
    this.table = table
    this.ipVersion = ipVersion
    this.#command = `ip${ipVersion === 6 ? '6' : ''}tables-${variant}`
    this.#log = log.child({ component: 'iptables', table, ipVersion })
    this.#tool = tool
    this.#mode = insertMode
    this.#lockSeconds = lockTimeoutSeconds
    this.#schedule = new CheckSchedule({
      firstMs: opts.postWriteCheckMs ?? 5000,
      refreshMs: opts.refreshMs ?? 180_000,
      echoMs: variant === 'nft' ? KERNEL_ECHO_MS : 0,
    })
  }

  setChain(chain: Chain): void {
    this.#chains.set(chain.name, chain)
    this.#touchChain(chain.name)
    this.#reachable.setTargets(chain.name, targetsOf(chain.rules))
  }

  removeChain(name: string): void {
    this.#chains.delete(name)
    this.#touchChain(name)
    this.#reachable.setTargets(name, [])
  }

  setHook(hook: Hook): void {
    this.#hooks.set(hook.chain, hook)
    this.#dirtyHooks.add(hook.chain)
    this.#reachable.setRoots(hook.chain, [...targetsOf(hook.insert), ...targetsOf(hook.append)])
  }

  queueResync(): void {
    this.#fresh = false
    this.#refused.clear()
  }

  hint(): void {
    this.#schedule.hint()
  }

  watchedBy(watch: RuleWatch): void {
    this.#schedule.watchedBy(watch)
  }

  counts(): { chains: number; rules: number } {
    const chains = [...(this.#actual?.owned.values() ?? [])]
    return { chains: chains.length, rules: chains.reduce((sum, ids) => sum + idCount(ids), 0) }
  }

  dueInMs(): number | undefined {
    const at = Math.min(this.#retryAt, this.#schedule.at)
    return at === Infinity ? undefined : Math.max(0, at - performance.now())
  }

  async apply(signal?: AbortSignal): Promise<void> {
    const now = performance.now()
    if (now >= this.#retryAt || now >= this.#schedule.at) this.queueResync()
    for (const name of this.#reachable.takeChanged()) this.#dirtyChains.add(name)
    const failure = await this.#converge(signal)
    if (failure === undefined && this.#refused.size === 0) {
      this.#failures = 0
      this.#retryAt = Infinity
      return
    }
    if (now >= this.#retryAt || this.#retryAt === Infinity) {
      this.#retryAt = performance.now() + backoffMs(this.#failures++, { baseMs: 1000 })
    }
    throw failure ?? this.#refusal()
  }

  /** @returns What kept failing. */
  async #converge(signal: AbortSignal | undefined): Promise<CalicoError | undefined> {
    for (let attempt = 0; ; attempt++) {
      const refused = this.#refused.size
      try {
        await this.#convergeOnce()
        return undefined
      } catch (cause) {
        this.#actual = undefined
        this.#fresh = false
        if (isLasting(cause) || attempt + 1 >= ATTEMPTS || signal?.aborted === true) {
          return new CalicoError('APPLY_FAILED', `Cannot apply table ${this.table} of IPv${this.ipVersion}`, { cause })
        }
        this.#log.debug('Table not applied, will read it and try again', { attempt, err: cause })
        if (this.#refused.size > refused)
          attempt = -1 // one culprit less: the next attempt may well succeed
        else await sleep(backoffMs(attempt, { baseMs: RETRY_BASE_MS }), signal)
      }
    }
  }

  async #convergeOnce(): Promise<void> {
    const actual = this.#fresh && this.#actual !== undefined ? this.#actual : await this.#read()
    if (this.#dirtyChains.size + this.#dirtyHooks.size === 0) return
    const change = this.#change(actual)
    this.#dirtyChains.clear() // a failure makes all of them dirty again
    this.#dirtyHooks.clear()
    const { writes, deletes, hooks } = change
    if (writes.size + deletes.length + hooks.length === 0) return
    await this.#write(change)
    recordChange(actual, change, this.#mode)
    this.#log.debug('Table applied', { chains: writes.size, deleted: deletes.length, hooks: hooks.length })
  }

  /** Everything that stands or is wanted becomes dirty: the diff is made anew. */
  async #read(): Promise<TableState> {
    const start = performance.now()
    this.#schedule.reading()
    const listing = await this.#tool(`${this.#command}-save`, ['-t', this.table], {
      timeoutMs: READ_TIMEOUT_MS,
      maxOutputBytes: MAX_LISTING_BYTES,
    })
    const actual = parseSave(listing, this.table)
    const drifted = this.#actual === undefined ? [] : driftedChains(this.#actual, actual)
    if (drifted.length > 0) {
      this.#log.warn('Somebody changed our rules, will restore them', {
        chains: drifted.length,
        first: drifted.slice(0, 5),
      })
    }
    for (const names of [actual.owned.keys(), this.#reachable.names()])
      for (const name of names) this.#dirtyChains.add(name)
    for (const names of [actual.foreign.keys(), this.#hooks.keys()])
      for (const name of names) this.#dirtyHooks.add(name)
    this.#actual = actual
    this.#fresh = true
    this.#schedule.read(performance.now() - start)
    return actual
  }

  async #write(change: TableChange): Promise<void> {
    const start = performance.now()
    const { lines, blames } = transactionOf(change, this.#mode)
    try {
      await this.#tool(`${this.#command}-restore`, ['--noflush', '--wait', String(this.#lockSeconds)], {
        input: `${lines.join('\n')}\n`,
        timeoutMs: WRITE_TIMEOUT_MS,
      })
    } catch (err) {
      this.#learn(err, blames)
      throw err
    }
    this.#schedule.written(performance.now() - start)
  }

  /** Pins a refusal on the chain that the tool named, so that the next attempt goes without it. */
  #learn(err: unknown, blames: readonly (Blame | undefined)[]): void {
    if (!(err instanceof CalicoError)) return
    const line = err.context['failingLineNumber']
    const blame = typeof line === 'number' ? blames[line - 1] : undefined
    // The nft variant finds a missing jump target only at a later line. There is none in what we write.
    if (blame === undefined || blame.kind === 'hook' || /Chain '.*' does not exist/.test(err.message)) return
    this.#refused.set(blame.chain, err)
    this.#log.warn('Chain was refused, goes on without it', { chain: blame.chain, err })
  }

  #refusal(): CalicoError {
    const chains = [...this.#refused.keys()]
    const cause = new AggregateError(this.#refused.values(), [...this.#refused.values()][0]?.message)
    const message = `Cannot apply chain(s) ${chains.slice(0, 3).join(', ')} of table ${this.table} of IPv${this.ipVersion}`
    return new CalicoError('APPLY_FAILED', message, { context: { chains }, cause })
  }

  #change(actual: TableState): TableChange {
    const writes = new Map<string, RuleLines>()
    const deletes: string[] = []
    for (const name of this.#dirtyChains) {
      const standing = actual.owned.get(name)
      const refused = this.#refused.has(name)
      if (!this.#reachable.has(name)) {
        if (standing !== undefined && !refused) deletes.push(name)
      } else if (refused) {
        if (standing === undefined) writes.set(name, this.#lines(name, this.#failClosed()))
      } else if (standing !== this.#idsOf(name)) writes.set(name, this.#linesOf(name))
    }
    const hooks = [...this.#dirtyHooks].flatMap(
      (chain) => hookFix(chain, actual.foreign.get(chain) ?? [], this.#hookLines(chain), this.#mode) ?? [],
    )
    return { table: this.table, writes, deletes, hooks }
  }

  #idsOf(name: string): string {
    const known = this.#wantedIds.get(name)
    if (known !== undefined) return known
    const ids = idsText(this.#linesOf(name).ids)
    this.#wantedIds.set(name, ids)
    return ids
  }

  #linesOf(name: string): RuleLines {
    const chain = this.#chains.get(name)
    if (chain === undefined) this.#log.warn('Chain is jumped to but was never set', { chain: name })
    return this.#lines(name, chain?.rules ?? this.#failClosed())
  }

  #hookLines(chain: string): HookLines {
    const hook = this.#hooks.get(chain)
    if (hook === undefined) return { insert: NO_RULES, append: NO_RULES }
    return { insert: this.#lines(chain, hook.insert), append: this.#lines(`${chain}*appends*`, hook.append) }
  }

  #lines(seed: string, rules: readonly Rule[]): RuleLines {
    const rendered = rules.map((rule) => renderRule(rule, this.ipVersion))
    return { ids: ruleIds(seed, rendered), rules: rendered }
  }

  /** What stands in for rules that cannot be had. The nat table takes no drops; there, nothing is translated. */
  #failClosed(): readonly Rule[] {
    return this.table === 'nat' ? [] : [{ match: [], action: { kind: 'drop' }, comments: ['Rules are missing'] }]
  }

  #touchChain(name: string): void {
    this.#wantedIds.delete(name)
    this.#refused.delete(name)
    this.#dirtyChains.add(name)
  }
}

/** Whether trying again at once is in vain: the table cannot be shown, the tool is not there, or has already waited for the lock. */
const isLasting = (err: unknown): boolean =>
  hasCode(err, 'UNSUPPORTED', 'COMMAND_MISSING') || (err instanceof CalicoError && err.message.includes('xtables lock'))

function targetsOf(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ action }) => (action.kind === 'jump' || action.kind === 'goto' ? [action.chain] : []))
}
