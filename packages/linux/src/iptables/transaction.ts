/** From what must change in one table to the input of one iptables-restore. Pure. */
import { idComment } from './rule-ids.ts'
import { idsText, type OurRule, type TableState } from './save-text.ts'

/** Rendered rules of one list, with their ids; both of one length. */
export interface RuleLines {
  readonly ids: readonly string[]
  readonly rules: readonly string[]
}

export type InsertMode = 'insert' | 'append'

/** Our rules for a chain of the kernel. */
export interface HookLines {
  readonly insert: RuleLines
  readonly append: RuleLines
}

/** How a chain of others gets our rules right: all of ours out, then all of ours in. */
export interface HookFix {
  readonly chain: string
  /** Full texts, since positions change under us when others write. */
  readonly remove: readonly string[]
  readonly wanted: HookLines
}

export interface TableChange {
  readonly table: string
  /** New content of chains of ours, whole. */
  readonly writes: ReadonlyMap<string, RuleLines>
  readonly deletes: readonly string[]
  readonly hooks: readonly HookFix[]
}

/** What a line of the input is about, so that a refusal can be pinned on it. */
export interface Blame {
  readonly kind: 'write' | 'delete' | 'hook'
  readonly chain: string
}

export interface Transaction {
  readonly lines: readonly string[]
  readonly blames: readonly (Blame | undefined)[]
}

/**
 * Declares (which creates or empties) all chains that are written or deleted, then fills, hooks and deletes, so that no order
 * between chains matters. The tool commits all of it at once or nothing.
 */
export function transactionOf({ table, writes, deletes, hooks }: TableChange, mode: InsertMode): Transaction {
  const lines = [`*${table}`]
  const blames: (Blame | undefined)[] = [undefined]
  const add = (line: string, blame?: Blame): void => {
    lines.push(line)
    blames.push(blame)
  }
  for (const chain of writes.keys()) add(`:${chain} - [0:0]`, { kind: 'write', chain })
  for (const chain of deletes) add(`:${chain} - [0:0]`, { kind: 'delete', chain })
  for (const [chain, list] of writes) {
    for (const rule of identified(list)) add(`-A ${chain} ${rule}`, { kind: 'write', chain })
  }
  for (const { chain, remove, wanted } of hooks) {
    const blame: Blame = { kind: 'hook', chain }
    const insert = identified(wanted.insert)
    for (const text of remove) add(`-D ${chain} ${text}`, blame)
    if (mode === 'insert') for (const rule of insert.toReversed()) add(`-I ${chain} ${rule}`, blame)
    else for (const rule of insert) add(`-A ${chain} ${rule}`, blame)
    for (const rule of identified(wanted.append)) add(`-A ${chain} ${rule}`, blame)
  }
  for (const chain of deletes) add(`--delete-chain ${chain}`, { kind: 'delete', chain })
  add('COMMIT')
  return { lines, blames }
}

const identified = ({ ids, rules }: RuleLines): string[] => rules.map((rule, i) => `${idComment(ids[i] ?? '')} ${rule}`)

/** What to do about a chain of others; undefined when our rules stand where they should, in order. */
export function hookFix(
  chain: string,
  standing: readonly (OurRule | undefined)[],
  wanted: HookLines,
  mode: InsertMode,
): HookFix | undefined {
  const goal = hookState(standing, wanted, mode)
  if (goal.length === standing.length && goal.every((rule, i) => rule?.id === standing[i]?.id)) return undefined
  return { chain, remove: standing.flatMap((rule) => rule?.text ?? []), wanted }
}

/** The chain as it should be: the rules of others in their order, ours around them. */
function hookState(
  standing: readonly (OurRule | undefined)[],
  wanted: HookLines,
  mode: InsertMode,
): (OurRule | undefined)[] {
  const others = standing.filter((rule) => rule === undefined)
  const ours = (list: RuleLines): OurRule[] => identified(list).map((text, i) => ({ id: list.ids[i] ?? '', text }))
  const insert = ours(wanted.insert)
  return mode === 'insert'
    ? [...insert, ...others, ...ours(wanted.append)]
    : [...others, ...insert, ...ours(wanted.append)]
}

/** Brings the remembered state to where the committed change has brought the kernel. */
export function recordChange(state: TableState, { writes, deletes, hooks }: TableChange, mode: InsertMode): void {
  for (const [chain, { ids }] of writes) state.owned.set(chain, idsText(ids))
  for (const chain of deletes) state.owned.delete(chain)
  for (const { chain, wanted } of hooks) {
    state.foreign.set(chain, hookState(state.foreign.get(chain) ?? [], wanted, mode))
  }
}

/** Chains in which something of ours is not as it was. */
export function driftedChains(before: TableState, now: TableState): string[] {
  const owned = new Set([...before.owned.keys(), ...now.owned.keys()])
  const ours = (state: TableState, chain: string): string =>
    (state.foreign.get(chain) ?? []).flatMap((rule) => rule?.id ?? []).join(' ')
  return [
    ...[...owned].filter((chain) => before.owned.get(chain) !== now.owned.get(chain)),
    ...[...before.foreign.keys()].filter((chain) => ours(before, chain) !== ours(now, chain)),
  ]
}
