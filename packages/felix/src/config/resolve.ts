/** From layers of raw values to the parameters in force. */
import { CalicoError } from '@calico-node/core'
import { CLUSTER_SOURCE, type ConfigLayer } from './layers.ts'
import { type FelixConfig, type Param, PARAMS } from './params.ts'

export interface ConfigProblem {
  readonly parameter: string
  readonly source: string
  readonly value: string
  readonly reason: string
  /** Felix cannot run with it; otherwise the default is in force. */
  readonly fatal: boolean
}

export interface Resolution {
  readonly config: FelixConfig
  /** Bad values in place of which the default is in force. */
  readonly warnings: readonly ConfigProblem[]
  /** Parameters that somebody set to another value than the default, and that have no effect here. */
  readonly idle: readonly { readonly parameter: string; readonly source: string; readonly why: string }[]
  /** Names that no parameter has, with their source. */
  readonly unknown: readonly { readonly name: string; readonly source: string }[]
}

const TABLE: ReadonlyMap<string, Param<unknown>> = new Map(Object.entries(PARAMS))

export const envName = (key: string, { env }: Param<unknown>): string => env ?? key
export const fieldName = (key: string, { field }: Param<unknown>): string | undefined =>
  field === null ? undefined : (field ?? key.charAt(0).toLowerCase() + key.slice(1))

/**
 * The first layer that has a value decides: higher layers come first.
 *
 * @throws INVALID that lists every bad value, when one of them is fatal.
 */
export function resolveFelixConfig(layers: readonly ConfigLayer[]): Resolution {
  const problems: ConfigProblem[] = []
  const idle: Resolution['idle'][number][] = []
  const values: Record<string, unknown> = {}
  for (const [key, param] of TABLE) values[key] = resolveParam(key, param, { layers, problems, idle })
  if (!isComplete(values)) throw new Error('The parameter table changed while it was read')
  if (problems.some((problem) => problem.fatal)) {
    const list = problems.map(
      (problem) => `${problem.parameter}=${problem.value} (${problem.source}): ${problem.reason}`,
    )
    throw new CalicoError('INVALID', `Cannot start with this configuration: ${list.join('; ')}`, {
      context: { problems },
    })
  }
  return { config: Object.freeze(values), warnings: problems, idle, unknown: unknownNames(layers) }
}

const isComplete = (values: Record<string, unknown>): values is FelixConfig & Record<string, unknown> =>
  [...TABLE.keys()].every((key) => Object.hasOwn(values, key))

interface Context {
  readonly layers: readonly ConfigLayer[]
  readonly problems: ConfigProblem[]
  readonly idle: Resolution['idle'][number][]
}

function resolveParam(key: string, param: Param<unknown>, { layers, problems, idle }: Context): unknown {
  const textName = envName(key, param).toLowerCase()
  const field = fieldName(key, param)?.toLowerCase()
  for (const { source, local, text, fields } of layers) {
    if (param.local && !local) continue
    const written = text.get(textName)
    const raw = written || (field === undefined ? undefined : fields.get(field))
    if (raw === undefined || raw === null || raw === '') continue
    const outcome = written ? readText(written, param) : readJson(raw, param)
    if ('value' in outcome) {
      const { type, not: why } = param
      const meant = source !== CLUSTER_SOURCE && type.print(outcome.value) !== type.print(param.default)
      if (why !== undefined && meant) idle.push({ parameter: key, source, why })
      return outcome.value
    }
    const value = typeof raw === 'string' ? raw : JSON.stringify(raw)
    problems.push({
      parameter: key,
      source,
      value,
      reason: outcome.reason,
      fatal: param.die === true && param.not === undefined,
    })
    return param.default
  }
  return param.default
}

type Outcome = { readonly value: unknown } | { readonly reason: string }

function readText(text: string, { type, nonZero }: Param<unknown>): Outcome {
  if (text.toLowerCase() !== 'none') return outcomeOf(type.text.safeParse(text))
  return nonZero ? { reason: 'cannot be none' } : { value: type.zero }
}

const readJson = (value: unknown, { type }: Param<unknown>): Outcome => outcomeOf(type.json.safeParse(value))

function outcomeOf(result: ReturnType<Param<unknown>['type']['json']['safeParse']>): Outcome {
  if (result.success) return { value: result.data }
  const reasons = result.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  )
  return { reason: reasons.join(', ') }
}

/** Of the eBPF data plane, which clients write into every resource; of Typha; and what `main` reads itself. */
const NEVER_TOLD = /^(bpf|typha|earlylogseverityscreen$)/

function unknownNames(layers: readonly ConfigLayer[]): Resolution['unknown'] {
  const texts = new Set([...TABLE].map(([key, param]) => envName(key, param).toLowerCase()))
  const fields = new Set([...TABLE].map(([key, param]) => fieldName(key, param)?.toLowerCase()))
  return layers.flatMap(({ source, text, fields: given }) =>
    [...[...text.keys()].filter((name) => !texts.has(name)), ...[...given.keys()].filter((name) => !fields.has(name))]
      .filter((name) => !NEVER_TOLD.test(name))
      .map((name) => ({ name, source })),
  )
}
