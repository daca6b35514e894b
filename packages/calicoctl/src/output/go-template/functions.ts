import { templateError } from './lexer.ts'

/** Values of `config "name"`. */
export type TemplateConfig = Readonly<Record<string, string>>

/** Go's idea of a value that counts as false. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== '' && value !== 0 && value !== false
}

/** How Go prints a value. */
export function textOf(value: unknown): string {
  if (value === undefined) return '<no value>'
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(textOf).join(' ')}]`
  if (typeof value === 'string') return value
  if (typeof value !== 'object') return JSON.stringify(value)
  return `map[${Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${k}:${textOf(v)}`)
    .join(' ')}]`
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return String(a) < String(b) ? -1 : Number(String(a) > String(b))
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0
}

function printf(format: unknown, args: readonly unknown[]): string {
  let next = 0
  return String(format).replace(/%(-?\d*)([svdq%])/g, (_, width: string, verb: string) => {
    if (verb === '%') return '%'
    const value = args[next++]
    const text = verb === 'q' ? JSON.stringify(textOf(value)) : textOf(value)
    const size = Math.abs(Number(width))
    return width.startsWith('-') ? text.padEnd(size) : text.padStart(size)
  })
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function indexInto(value: unknown, keys: readonly unknown[]): unknown {
  return keys.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, String(key)) : undefined),
    value,
  )
}

function joinAndTruncate([items, separator, max]: readonly unknown[]): string {
  const text = asList(items).map(textOf).join(String(separator))
  const limit = Number(max)
  return limit > 0 && text.length > limit ? `${text.slice(0, Math.max(0, limit - 3))}...` : text
}

const FUNCTIONS: Readonly<Record<string, (args: readonly unknown[], config: TemplateConfig) => unknown>> = {
  len: ([value]) => lengthOf(value),
  eq: ([first, ...others]) => others.some((other) => compare(first, other) === 0),
  ne: ([a, b]) => compare(a, b) !== 0,
  lt: ([a, b]) => compare(a, b) < 0,
  le: ([a, b]) => compare(a, b) <= 0,
  gt: ([a, b]) => compare(a, b) > 0,
  ge: ([a, b]) => compare(a, b) >= 0,
  and: (args) => args.find((arg) => !isTrue(arg)) ?? args.at(-1),
  or: (args) => args.find(isTrue) ?? args.at(-1),
  not: ([value]) => !isTrue(value),
  index: ([value, ...keys]) => indexInto(value, keys),
  print: (args) => args.map(textOf).join(''),
  println: (args) => `${args.map(textOf).join(' ')}\n`,
  printf: ([format, ...args]) => printf(format, args),
  join: ([items, separator]) => asList(items).map(textOf).join(String(separator)),
  joinAndTruncate,
  config: ([name], config) => config[String(name).toLowerCase()] ?? '',
}

/** @throws INVALID for a function outside the subset */
export function callFunction(name: string, args: readonly unknown[], config: TemplateConfig): unknown {
  const found = FUNCTIONS[name]
  if (found === undefined)
    throw templateError(`function "${name}" is not supported; there are ${Object.keys(FUNCTIONS).join(', ')}`)
  return found(args, config)
}
