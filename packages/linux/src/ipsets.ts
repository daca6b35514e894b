/**
 * IP sets of one IP version.
 *
 * Goal: each wanted set holds exactly its members before any rule names it, and goes away after the last rule that named it.
 * Only differences are written, in one `ipset restore` stream, which is not atomic: after a failure the touched sets are read
 * again. A few members that change go through a process that stays (ipset-session.ts), and by the stream if that is in doubt. A
 * set that the kernel refuses is left out and reported; the others go on. A set beyond its limit is not touched: an absent one
 * stays absent, so that rules which need it fail closed.
 *
 * A set of another size limit, or one that cannot be read, is rebuilt under a temporary name and swapped in. The kernel swaps
 * only sets of one type, so a set of another type is destroyed and made anew, which works unless rules use it.
 *
 * Restart: nothing is remembered. Our sets are known by name (`isOurIpSet`); their members are read, and only differences are
 * written. Names are listed first and then only ours are read, because a foreign set may be of a type this tool cannot read.
 */
import { assertNever, backoffMs, CalicoError, type Logger } from '@calico-node/core'
import { IpSetSession, isMemberChange } from './ipset-session.ts'
import { canonicalMember, createLine, familyOf, parseSave, type KernelIpSet } from './ipset-text.ts'
import { isOurIpSet, temporarySetName } from './ownership.ts'
import type { IpSets } from './ports.ts'
import type { IpSet, IpVersion } from './rules/types.ts'
import { runTool, type Tool, type ToolCall } from './run.ts'

export interface IpSetsOptions {
  readonly ipVersion: IpVersion
  readonly log: Logger
  /** Limit of sets that name none. Default 1 048 576. */
  readonly maxElements?: number
  /** What runs commands. */
  readonly tool?: Tool
  /** Told of each batch that no command was run for. */
  readonly onBatch?: (call: ToolCall) => void
}

export function createIpSets(opts: IpSetsOptions): IpSets {
  return new KernelIpSets(opts)
}

const DEFAULT_MAX_ELEMENTS = 1_048_576
const TIMEOUT_MS = 60_000
/** Tries within one apply; each leaves out the set that failed before. */
const ATTEMPTS = 10
/** Each destruction may take the kernel tens of milliseconds, so a pass destroys no more than this. */
const DELETIONS_PER_PASS = 20
const NEXT_DELETIONS_MS = 100
/** Up to so many lines a process that stays is quicker than one that is started for them. */
const SESSION_LINES = 256

/** `unknown`: read it first. `other-size`: rebuild and swap. `other-type`: destroy and create. */
type KernelState = 'unknown' | 'absent' | 'present' | 'other-size' | 'other-type'

interface Entry {
  readonly set: Pick<IpSet, 'name' | 'type' | 'ipVersion'>
  readonly maxElements: number
  members: Set<string>
  state: KernelState
  /** What `present` lacks, and has too much. */
  toAdd: Set<string>
  toRemove: Set<string>
}

class KernelIpSets implements IpSets {
  readonly ipVersion: IpVersion
  readonly #log: Logger
  readonly #maxElements: number
  readonly #tool: Tool
  readonly #onBatch: (call: ToolCall) => void
  readonly #session: IpSetSession
  readonly #entries = new Map<string, Entry>()
  readonly #dirty = new Set<string>()
  /** In the kernel, ours, and wanted by nobody. */
  readonly #stale = new Set<string>()
  /** Stale, but still named by a rule: not tried again before the next read-back. */
  readonly #held = new Set<string>()
  #resync = true
  #inKernel = 0
  #temporaries = 0
  #failures = 0
  #retryAt = Infinity

  constructor({ ipVersion, log, maxElements = DEFAULT_MAX_ELEMENTS, tool = runTool, onBatch }: IpSetsOptions) {
    this.ipVersion = ipVersion
    this.#log = log.child({ component: 'ipsets', ipVersion })
    this.#maxElements = maxElements
    this.#tool = tool
    this.#onBatch = onBatch ?? (() => undefined)
    this.#session = new IpSetSession({ log: this.#log })
  }

  setIpSet(set: IpSet): void {
    const { name, type, ipVersion, maxElements = this.#maxElements } = set
    const members = new Set(Array.from(set.members, canonicalMember))
    const known = this.#entries.get(name)
    if (known !== undefined && known.set.type === type && known.maxElements === maxElements) {
      for (const member of members.difference(known.members)) add(known, member)
      for (const member of known.members.difference(members)) remove(known, member)
    } else {
      const absent = known === undefined && !this.#stale.has(name) && !this.#resync
      this.#entries.set(name, {
        set: { name, type, ipVersion },
        maxElements,
        members,
        state: absent ? 'absent' : 'unknown',
        toAdd: new Set(),
        toRemove: new Set(),
      })
    }
    this.#stale.delete(name)
    this.#dirty.add(name)
  }

  addMembers(name: string, members: Iterable<string>): void {
    const entry = this.#wanted(name)
    for (const member of members) add(entry, canonicalMember(member))
    this.#dirty.add(name)
  }

  removeMembers(name: string, members: Iterable<string>): void {
    const entry = this.#wanted(name)
    for (const member of members) remove(entry, canonicalMember(member))
    this.#dirty.add(name)
  }

  removeIpSet(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    this.#entries.delete(name)
    this.#dirty.delete(name)
    if (entry.state !== 'absent') this.#stale.add(name)
  }

  queueResync(): void {
    this.#resync = true
  }

  dueInMs(): number | undefined {
    if (this.#retryAt !== Infinity) return Math.max(0, this.#retryAt - performance.now())
    return this.#deletable().length === 0 ? undefined : NEXT_DELETIONS_MS
  }

  counts(): { ours: number; all: number } {
    return { ours: this.#entries.size, all: this.#inKernel }
  }

  async apply(): Promise<void> {
    if (!this.#resync && this.#dirty.size === 0) return
    const failed = new Map<string, CalicoError>()
    let lines = 0
    try {
      if (this.#resync) await this.#readAll()
      else await this.#read([...this.#dirty].filter((name) => this.#entries.get(name)?.state === 'unknown'))
      for (const name of this.#dirty) {
        const entry = this.#entries.get(name)
        if (entry !== undefined && entry.members.size > entry.maxElements) failed.set(name, tooBig(entry))
      }
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const written = await this.#write(failed)
        lines += written
        if (written === 0) break
      }
    } catch (err) {
      this.#resync = true
      this.#scheduleRetry()
      throw new CalicoError('APPLY_FAILED', 'Cannot apply IP sets', { cause: err })
    }
    if (lines > 0) this.#log.debug('IP sets applied', { lines, failed: failed.size })
    if (failed.size === 0) {
      this.#failures = 0
      this.#retryAt = Infinity
      return
    }
    this.#scheduleRetry()
    const names = [...failed.keys()]
    const cause = new AggregateError(
      failed.values(),
      [...failed.values()]
        .slice(0, 3)
        .map(({ message }) => message)
        .join('; '),
    )
    throw new CalicoError('APPLY_FAILED', `Cannot apply IP set(s) ${names.slice(0, 3).join(', ')}`, {
      context: { names },
      cause,
    })
  }

  async applyDeletions(): Promise<void> {
    const names = this.#deletable().slice(0, DELETIONS_PER_PASS)
    try {
      while (names.length > 0) await this.#destroy(names)
    } catch (err) {
      this.#resync = true
      this.#scheduleRetry()
      throw new CalicoError('APPLY_FAILED', 'Cannot delete IP sets', { cause: err })
    }
  }

  /** Destroys up to the first that is refused; takes what is dealt with out of `names`. */
  async #destroy(names: string[]): Promise<void> {
    const { done, error } = await this.#restore(names.map((name) => `destroy ${name}`))
    for (const name of names.splice(0, done)) this.#stale.delete(name)
    if (error === undefined) return
    const culprit = names.shift()
    if (culprit === undefined) throw error
    if (/does not exist/.test(error.message)) {
      this.#stale.delete(culprit)
      return
    }
    this.#held.add(culprit)
    this.#log.warn('IP set is still in use, will not delete it for now', { set: culprit, err: error })
  }

  #deletable(): string[] {
    return [...this.#stale].filter((name) => !this.#held.has(name))
  }

  #wanted(name: string): Entry {
    const entry = this.#entries.get(name)
    if (entry === undefined)
      throw new CalicoError('NOT_FOUND', `Cannot change members of IP set ${name}: it was not set`)
    return entry
  }

  #scheduleRetry(): void {
    this.#retryAt = performance.now() + backoffMs(this.#failures++, { baseMs: 1000 })
  }

  async #readAll(): Promise<void> {
    const names = (await this.#tool('ipset', ['list', '-name'], { timeoutMs: TIMEOUT_MS })).split('\n')
    this.#inKernel = names.filter((name) => name !== '').length
    const ours = names.filter((name) => isOurIpSet(name, this.ipVersion))
    this.#stale.clear()
    this.#held.clear()
    for (const name of ours) if (!this.#entries.has(name)) this.#stale.add(name)
    const present = new Set(ours)
    for (const [name, entry] of this.#entries) if (!present.has(name)) settle(entry, 'absent')
    await this.#read(ours.filter((name) => this.#entries.has(name)))
    for (const name of this.#entries.keys()) this.#dirty.add(name)
    this.#resync = false
  }

  /** One set after another in one process; stops at the first that cannot be read. */
  #save(names: readonly string[]): Promise<string> {
    const input = names.map((name) => `save ${name}\n`).join('')
    return this.#tool('ipset', ['restore'], { input, timeoutMs: TIMEOUT_MS, maxOutputBytes: 1024 * 1024 * 1024 })
  }

  /** Compares these sets with the kernel's; one that cannot be read is taken for one to be rebuilt. */
  async #read(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    const found = new Map<string, KernelIpSet | 'unreadable'>()
    try {
      for (const set of parseSave(await this.#save(names))) found.set(set.name, set)
    } catch {
      for (const name of names) {
        try {
          for (const set of parseSave(await this.#save([name]))) found.set(set.name, set)
        } catch (err) {
          const gone = err instanceof CalicoError && /does not exist/.test(err.message)
          if (!gone) found.set(name, 'unreadable')
        }
      }
    }
    for (const name of names) {
      const entry = this.#entries.get(name)
      if (entry !== undefined) compare(entry, found.get(name))
    }
  }

  /**
   * Writes what is dirty, except the failed. After a refusal the culprit joins `failed` and what was touched is read again.
   * @returns The number of lines tried; 0 when there is nothing left to do.
   */
  async #write(failed: Map<string, CalicoError>): Promise<number> {
    const lines: string[] = []
    const owners: string[] = []
    for (const name of this.#dirty) {
      const entry = this.#entries.get(name)
      if (entry === undefined || failed.has(name)) continue
      for (const line of this.#linesFor(entry)) {
        lines.push(line)
        owners.push(name)
      }
    }
    const touched = [...new Set(owners)]
    const { done, error } = lines.length === 0 ? { done: 0, error: undefined } : await this.#restore(lines)
    if (error === undefined) {
      for (const name of touched) settle(this.#entries.get(name), 'present')
      for (const name of this.#dirty) if (!failed.has(name)) this.#dirty.delete(name)
      return lines.length
    }
    const culprit = owners[done]
    if (culprit === undefined) throw error
    failed.set(culprit, error)
    await this.#read(touched)
    return lines.length
  }

  #linesFor(entry: Entry): string[] {
    const { set, maxElements, members, state, toAdd, toRemove } = entry
    const { name } = set
    const fill = (target: string): string[] => Array.from(members, (member) => `add ${target} ${member}`)
    switch (state) {
      case 'unknown':
      case 'present':
        return [
          ...Array.from(toRemove, (member) => `del ${name} ${member}`),
          ...Array.from(toAdd, (member) => `add ${name} ${member}`),
        ]
      case 'absent':
        return [createLine(name, set, maxElements), ...fill(name)]
      case 'other-type':
        return [`destroy ${name}`, createLine(name, set, maxElements), ...fill(name)]
      case 'other-size': {
        const other = this.#temporaryName()
        return [createLine(other, set, maxElements), ...fill(other), `swap ${name} ${other}`, `destroy ${other}`]
      }
      default:
        return assertNever(state)
    }
  }

  #temporaryName(): string {
    let name: string
    do name = temporarySetName(this.ipVersion, this.#temporaries++)
    while (this.#stale.has(name))
    return name
  }

  /** @returns How many lines came before the one that was refused, and the refusal. */
  async #restore(lines: readonly string[]): Promise<{ done: number; error?: CalicoError }> {
    if (await this.#confirmed(lines)) return { done: lines.length }
    try {
      await this.#tool('ipset', ['-exist', 'restore'], { input: `${lines.join('\n')}\n`, timeoutMs: TIMEOUT_MS })
      return { done: lines.length }
    } catch (err) {
      const line = err instanceof CalicoError ? err.context['failingLineNumber'] : undefined
      if (!(err instanceof CalicoError) || typeof line !== 'number') throw err
      return { done: line - 1, error: err }
    }
  }

  /** Whether the session took these lines. */
  async #confirmed(lines: readonly string[]): Promise<boolean> {
    if (lines.length > SESSION_LINES || !lines.every(isMemberChange)) return false
    const start = performance.now()
    if (!(await this.#session.write(lines))) return false
    this.#onBatch({
      program: 'ipset',
      input: `${lines.join('\n')}\n`,
      tookMs: performance.now() - start,
      failed: false,
    })
    return true
  }
}

function add(entry: Entry, member: string): void {
  if (entry.members.has(member)) return
  entry.members.add(member)
  if (!entry.toRemove.delete(member)) entry.toAdd.add(member)
}

function remove(entry: Entry, member: string): void {
  if (!entry.members.delete(member)) return
  if (!entry.toAdd.delete(member)) entry.toRemove.add(member)
}

/** In this state, with no difference known. */
function settle(entry: Entry | undefined, state: KernelState): void {
  if (entry === undefined) return
  entry.state = state
  entry.toAdd = new Set()
  entry.toRemove = new Set()
}

function compare(entry: Entry, found: KernelIpSet | 'unreadable' | undefined): void {
  settle(entry, 'absent')
  if (found === undefined) return
  if (found === 'unreadable') entry.state = 'other-size'
  else if (found.type !== entry.set.type || found.family !== familyOf(entry.set.ipVersion)) entry.state = 'other-type'
  else if (found.maxElements !== entry.maxElements) entry.state = 'other-size'
  else {
    entry.state = 'present'
    entry.toAdd = entry.members.difference(found.members)
    entry.toRemove = found.members.difference(entry.members)
  }
}

function tooBig({ set, maxElements, members }: Entry): CalicoError {
  const message = `Cannot fill IP set ${set.name}: ${members.size} members, the limit is ${maxElements}`
  return new CalicoError('APPLY_FAILED', message, { context: { set: set.name, members: members.size, maxElements } })
}
