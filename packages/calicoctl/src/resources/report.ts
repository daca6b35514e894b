/** What is said about a run over many resources. Pure. */
import type { Outcome } from '../cli/command.ts'
import { line } from '../output/block.ts'

export type Verb = 'create' | 'apply' | 'replace' | 'delete' | 'validate'

const PAST: Readonly<Record<Verb, string>> = {
  create: 'created',
  apply: 'applied',
  replace: 'replaced',
  delete: 'deleted',
  validate: 'validated',
}

export interface Tally {
  readonly verb: Verb
  /** Kinds of all resources, in order. */
  readonly kinds: readonly string[]
  readonly handled: number
  /** One per resource that failed. */
  readonly errors: readonly string[]
}

/** A heading with its one error, or with one line for each of several. */
const withErrors = (heading: string, errors: readonly string[]): string[] => {
  const [first = '', ...more] = errors
  return more.length === 0 ? [`${heading}: ${first}`] : [`${heading}:`, ...errors.map((error) => `- ${error}`)]
}

export function reportTally({ verb, kinds, handled, errors }: Tally): Outcome {
  const [kind = ''] = kinds
  const quoted = new Set(kinds).size === 1 ? ` '${kind}'` : ''
  if (errors.length === 0) {
    return { blocks: [line(`Successfully ${PAST[verb]} ${handled}${quoted} resource(s)`)] }
  }
  if (handled > 0) {
    const partial = `Partial success: ${PAST[verb]} the first ${handled} out of ${kinds.length}${quoted} resources:`
    return { blocks: [line(partial)], errors: withErrors('Hit error', errors) }
  }
  const what = kinds.length === 1 ? `${quoted} resource` : ` any${quoted} resources`
  return { errors: withErrors(`Failed to ${verb}${what}`, errors) }
}
