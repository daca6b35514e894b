/**
 * What `iptables-save -t TABLE` prints, read without understanding any rule: chain names, the id in each rule's first comment
 * of ours, and the text of our rules in chains of others. Pure.
 */
import { CalicoError } from '@calico-node/core'
import { isOurChain, RULE_ID_PREFIX } from '../ownership.ts'

/** A rule of ours in a chain that is not. */
export interface OurRule {
  /** `''` when it has none but jumps to a chain of ours: a leftover of an agent that wrote no ids. */
  readonly id: string
  /** Everything after `-A CHAIN `. */
  readonly text: string
}

/** One table as the kernel holds it. */
export interface TableState {
  /** Our chains, each with the ids of its rules in order, joined by blanks; a rule without id counts as `?`. */
  readonly owned: Map<string, string>
  /** All other chains, built-in ones among them; a rule that is not ours is `undefined`. */
  readonly foreign: Map<string, readonly (OurRule | undefined)[]>
}

const OUR_ID = new RegExp(`--comment "?${RULE_ID_PREFIX}([A-Za-z0-9_-]+)"?`)
const TARGET = / -[jg] (\S+)/
/** Printed, with exit status 0, in place of a table in which somebody uses what iptables cannot show. */
const INCOMPATIBLE = "incompatible, use 'nft' tool"

export const idsText = (ids: readonly string[]): string => ids.join(' ')
export const idCount = (text: string): number => (text === '' ? 0 : text.split(' ').length)

/** @throws UNSUPPORTED when the table cannot be shown; INVALID when the text is not complete */
export function parseSave(text: string, table: string): TableState {
  if (text.includes(INCOMPATIBLE)) {
    throw new CalicoError('UNSUPPORTED', `Cannot read table ${table}: it holds rules that only the nft tool can show`)
  }
  const ownedIds = new Map<string, string[]>()
  const foreign = new Map<string, (OurRule | undefined)[]>()
  let complete = text.trim() === '' // a table that nobody has used yet
  for (const line of linesOf(text)) {
    if (line.startsWith(':')) {
      const name = copyOf(line.slice(1, line.indexOf(' ')))
      if (isOurChain(name)) ownedIds.set(name, [])
      else foreign.set(name, [])
    } else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3)
      const chain = line.slice(3, end)
      const id = OUR_ID.exec(line)?.[1]
      const ids = ownedIds.get(chain)
      if (ids !== undefined) ids.push(id ?? '?')
      else foreign.get(chain)?.push(ourRule(id ?? (jumpsToOurs(line) ? '' : undefined), line, end))
    } else if (line === 'COMMIT') complete = true
  }
  if (!complete) throw new CalicoError('INVALID', `Cannot read table ${table}: the listing has no end`)
  return { owned: new Map(ownedIds.entries().map(([name, ids]) => [name, copyOf(idsText(ids))])), foreign }
}

function ourRule(id: string | undefined, line: string, end: number): OurRule | undefined {
  return id === undefined ? undefined : { id: copyOf(id), text: copyOf(line.slice(end + 1)) }
}

function jumpsToOurs(line: string): boolean {
  const target = TARGET.exec(line)?.[1]
  return target !== undefined && isOurChain(target)
}

/** To be kept: a part of the listing keeps all of it in memory. */
const copyOf = (part: string): string => Buffer.from(part).toString()

/** Without an array of all lines: a listing may be tens of megabytes. */
function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start)
    const stop = end === -1 ? text.length : end
    yield text.slice(start, stop)
    start = stop + 1
  }
}
