import { assertNever } from '@calico-node/core'
import { callFunction, isTrue, textOf, type TemplateConfig } from './functions.ts'
import { parseTemplate, type Block, type Operand, type Pipeline, type Statement } from './parser.ts'

interface Scope {
  readonly dot: unknown
  readonly variables: ReadonlyMap<string, { value: unknown }>
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/**
 * A field by its Go name: `.ObjectMeta` is `metadata`, other names differ in case only (`.Spec.CIDR`), and the fields
 * of the metadata may be named on the object itself.
 */
function fieldOf(value: unknown, name: string): unknown {
  if (!isObject(value)) return undefined
  if (name === 'ObjectMeta' || name === 'ListMeta') return value['metadata']
  if (name === 'TypeMeta') return value
  const key =
    Object.keys(value).find((own) => own === name) ??
    Object.keys(value).find((own) => own.toLowerCase() === name.toLowerCase())
  if (key !== undefined) return value[key]
  return 'metadata' in value && 'kind' in value ? fieldOf(value['metadata'], name) : undefined
}

const follow = (value: unknown, names: readonly string[]): unknown => names.reduce(fieldOf, value)

class Evaluator {
  readonly #config: TemplateConfig
  constructor(config: TemplateConfig) {
    this.#config = config
  }

  render(statements: readonly Statement[], scope: Scope): string {
    const variables = new Map(scope.variables)
    const inner = { dot: scope.dot, variables }
    return statements.map((statement) => this.#statement(statement, inner, variables)).join('')
  }

  #statement(statement: Statement, scope: Scope, variables: Map<string, { value: unknown }>): string {
    switch (statement.kind) {
      case 'text':
        return statement.text
      case 'print': {
        const value = this.#value(statement.pipeline, scope)
        const [name] = statement.pipeline.assign
        if (name === undefined) return textOf(value)
        const known = variables.get(name)
        if (known === undefined) variables.set(name, { value })
        else known.value = value
        return ''
      }
      case 'range':
        return this.#range(statement, scope)
      case 'if':
      case 'with': {
        const value = this.#value(statement.pipeline, scope)
        const next = this.#bind(scope, statement.pipeline, [value])
        if (!isTrue(value)) return this.render(statement.otherwise, next)
        return this.render(statement.body, statement.kind === 'with' ? { ...next, dot: value } : next)
      }
      default:
        return assertNever(statement)
    }
  }

  #range({ pipeline, body, otherwise }: Block, scope: Scope): string {
    const value = this.#value(pipeline, scope)
    const entries: [unknown, unknown][] = Array.isArray(value)
      ? value.map((item, i): [unknown, unknown] => [i, item])
      : isObject(value)
        ? Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
        : []
    if (entries.length === 0) return this.render(otherwise, scope)
    return entries
      .map(([key, item]) => {
        const bound = this.#bind(scope, pipeline, pipeline.assign.length > 1 ? [key, item] : [item])
        return this.render(body, { ...bound, dot: item })
      })
      .join('')
  }

  #bind(scope: Scope, { assign }: Pipeline, values: readonly unknown[]): Scope {
    const fresh = assign.map((name, i): [string, { value: unknown }] => [name, { value: values[i] }])
    return { dot: scope.dot, variables: new Map([...scope.variables, ...fresh]) }
  }

  #value({ calls }: Pipeline, scope: Scope): unknown {
    let piped: readonly unknown[] = []
    for (const { name, operands } of calls) {
      const values = [...operands.map((operand) => this.#operand(operand, scope)), ...piped]
      piped = [name === undefined ? values[0] : callFunction(name, values, this.#config)]
    }
    return piped[0]
  }

  #operand(operand: Operand, scope: Scope): unknown {
    switch (operand.kind) {
      case 'literal':
        return operand.value
      case 'dot':
        return follow(scope.dot, operand.names)
      case 'variable':
        return follow(scope.variables.get(operand.name)?.value, operand.names)
      case 'nested':
        return follow(this.#value(operand.pipeline, scope), operand.names)
      default:
        return assertNever(operand)
    }
  }
}

/**
 * Runs a template of the common subset over `data`.
 *
 * @throws INVALID for a template that needs more than the subset
 */
export function renderGoTemplate(template: string, data: unknown, config: TemplateConfig): string {
  const scope = { dot: data, variables: new Map([['$', { value: data }]]) }
  return new Evaluator(config).render(parseTemplate(template), scope)
}
