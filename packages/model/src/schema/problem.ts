import type { z } from 'zod'

/** One thing that is wrong with a document. */
export interface Problem {
  /** Path as in the document: `spec.ingress[0].destination.ports[1]`. */
  readonly field: string
  /** What stands there; undefined when it is missing. */
  readonly value: unknown
  /** Completes "the field ...": `must be one of Allow, Deny`. */
  readonly reason: string
}

export type Path = readonly PropertyKey[]

const PLAIN_KEY = /^[A-Za-z][\w-]*$/

/** `spec.ports[0].name`; keys that are no plain words are quoted: `metadata.labels["a/b"]`. */
export function printPath(path: Path): string {
  const text = path.reduce<string>(
    (done, key) => (typeof key === 'number' ? `${done}[${key}]` : childPath(done, String(key))),
    '',
  )
  return text.replace(/^\./, '')
}

/** The path of a key below `path`. */
export const childPath = (path: string, key: string): string =>
  PLAIN_KEY.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`

/** What stands at a path of a document. */
export function valueAt(document: unknown, path: Path): unknown {
  let value = document
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

/** zod's findings about `document` in our words. `root` is where the checked value stands. */
export function problemsOf(error: z.ZodError, document: unknown, root: Path = []): Problem[] {
  return error.issues.map((issue) => {
    const value = valueAt(document, issue.path)
    return { field: printPath([...root, ...issue.path]), value, reason: reasonOf(issue, value) }
  })
}

function reasonOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return 'is required'
  if (issue.code === 'invalid_type') return `must be ${NOUN[issue.expected] ?? issue.expected}`
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`
  return issue.message
}

const NOUN: Partial<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

const MAX_SHOWN = 120

/** `field = value: reason`, joined by `; `. Long values are cut. */
export const describeProblems = (problems: readonly Problem[]): string =>
  problems.map(({ field, value, reason }) => `${field}${shown(value)}: ${reason}`).join('; ')

function shown(value: unknown): string {
  if (value === undefined) return ''
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
  return ` = ${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text}`
}
