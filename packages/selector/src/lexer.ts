import { CalicoError } from '@calico-node/core'
import type { ComparisonKind } from './ast.ts'

/** `at` is the offset of the token's first character in the text. */
export type Token = { readonly at: number } & (
  | { readonly kind: '(' | ')' | '{' | '}' | ',' | '!' | '&&' | '||' | 'has(' | 'all(' | 'global(' | 'end' }
  | { readonly kind: 'label' | 'string'; readonly text: string }
  | { readonly kind: 'operator'; readonly operator: ComparisonKind | 'in' | 'not-in' }
)
type Piece = Token extends infer T ? (T extends Token ? Omit<T, 'at'> : never) : never

/** Longest label name, as everywhere in Calico. */
const MAX_LABEL = 512
const LABEL = /[A-Za-z0-9_./-]+/y
const FUNCTION = /(has|all|global)\(/y
const WORD_OPERATOR = /(contains|starts[ \t]*with|ends[ \t]*with|not[ \t]*in|in)(?![A-Za-z0-9_./-])/y
const SYMBOL = /&&|\|\||==|!=|[(){},!]/y
const STRING = /"([^"]*)"|'([^']*)'/y
const BLANK = /[ \t]*/y

/** @throws INVALID, with the 1-based column and what was found there. */
export function selectorError(text: string, at: number, reason: string): CalicoError {
  return new CalicoError('INVALID', `Cannot parse selector "${text}": ${reason} at column ${at + 1}`, {
    context: { text, position: at, reason },
  })
}

/** Splits a selector into tokens; the last one is `end`. @throws INVALID */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = matchAt(BLANK, text, 0)?.[0].length ?? 0
  while (at < text.length) {
    const { length, ...piece } = nextToken(text, at, tokens.at(-1)?.kind === 'label')
    tokens.push({ ...piece, at })
    at += length
    at += matchAt(BLANK, text, at)?.[0].length ?? 0
  }
  tokens.push({ kind: 'end', at })
  return tokens
}

function nextToken(text: string, at: number, afterLabel: boolean): Piece & { length: number } {
  const symbol = matchAt(SYMBOL, text, at)?.[0]
  if (symbol === '==') return { kind: 'operator', operator: 'eq', length: 2 }
  if (symbol === '!=') return { kind: 'operator', operator: 'ne', length: 2 }
  if (isPlainSymbol(symbol)) return { kind: symbol, length: symbol.length }

  const string = matchAt(STRING, text, at)
  if (string !== undefined) return { kind: 'string', text: string[1] ?? string[2] ?? '', length: string[0].length }
  if (text[at] === '"' || text[at] === "'") throw selectorError(text, at, 'unterminated string')

  if (afterLabel) return wordOperator(text, at)
  const call = matchAt(FUNCTION, text, at)?.[0]
  if (call === 'has(' || call === 'all(' || call === 'global(') return { kind: call, length: call.length }

  const label = matchAt(LABEL, text, at)?.[0]
  if (label === undefined) throw selectorError(text, at, `unexpected ${JSON.stringify(text[at])}`)
  if (label.length > MAX_LABEL) throw selectorError(text, at, `label name longer than ${MAX_LABEL} characters`)
  return { kind: 'label', text: label, length: label.length }
}

/** After a label only an operator may follow, so `in` and `contains` stay usable as label names. */
function wordOperator(text: string, at: number): Piece & { length: number } {
  const found = matchAt(WORD_OPERATOR, text, at)
  switch (found?.[1]?.replace(/[ \t]+/, '')) {
    case 'contains':
      return { kind: 'operator', operator: 'contains', length: lengthOf(found) }
    case 'startswith':
      return { kind: 'operator', operator: 'starts-with', length: lengthOf(found) }
    case 'endswith':
      return { kind: 'operator', operator: 'ends-with', length: lengthOf(found) }
    case 'notin':
      return { kind: 'operator', operator: 'not-in', length: lengthOf(found) }
    case 'in':
      return { kind: 'operator', operator: 'in', length: lengthOf(found) }
    default:
      throw selectorError(text, at, `expected an operator after the label, not ${JSON.stringify(text[at])}`)
  }
}

type PlainSymbol = '(' | ')' | '{' | '}' | ',' | '!' | '&&' | '||'
const isPlainSymbol = (symbol: string | undefined): symbol is PlainSymbol => symbol !== undefined

const lengthOf = (match: RegExpExecArray | undefined): number => match?.[0].length ?? 0

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}
