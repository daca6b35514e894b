import { CalicoError } from '@calico-node/core'

export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open' | 'close' }
  | { readonly kind: 'string' | 'number' | 'word' | 'variable' | 'symbol'; readonly text: string }
  /** `.A.B`, or `.` alone with no names. */
  | { readonly kind: 'path'; readonly names: readonly string[] }

const TOKEN = new RegExp(
  [
    '\\s+',
    '"(?:[^"\\\\]|\\\\.)*"|`[^`]*`', // string
    '-?\\d+(?:\\.\\d+)?', // number
    '\\$\\w*', // variable
    '(?:\\.\\w+)+|\\.', // path
    '\\w+', // word
    ':=|[=(),|]', // symbol
  ]
    .map((part) => `(${part})`)
    .join('|'),
  'y',
)

export const templateError = (why: string): CalicoError =>
  new CalicoError('INVALID', `Cannot use this template: ${why}`)

function* actionTokens(source: string): Iterable<Token> {
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(source)
    if (match === null) throw templateError(`"${source.slice(at).trim()}" is not understood`)
    const [, , string, number, variable, path, word, symbol] = match
    if (string !== undefined)
      yield { kind: 'string', text: string.startsWith('`') ? string.slice(1, -1) : String(JSON.parse(string)) }
    else if (number !== undefined) yield { kind: 'number', text: number }
    else if (variable !== undefined) yield { kind: 'variable', text: variable }
    else if (path !== undefined) yield { kind: 'path', names: path.split('.').filter((name) => name !== '') }
    else if (word !== undefined) yield { kind: 'word', text: word }
    else if (symbol !== undefined) yield { kind: 'symbol', text: symbol }
  }
}

/** Splits a template into text and actions; `{{-` and `-}}` swallow the white space beside them. */
export function tokenize(template: string): Token[] {
  const tokens: Token[] = []
  let rest = template
  let trimNext = false
  for (;;) {
    const start = rest.indexOf('{{')
    const raw = start === -1 ? rest : rest.slice(0, start)
    const trimmed = trimNext ? raw.trimStart() : raw
    if (start === -1) {
      if (trimmed !== '') tokens.push({ kind: 'text', text: trimmed })
      return tokens
    }
    const end = rest.indexOf('}}', start)
    if (end === -1) throw templateError('an action is not closed with }}')
    let body = rest.slice(start + 2, end)
    const trimBefore = /^-\s/.test(body)
    trimNext = /\s-$/.test(body)
    body = body.replace(/^-(?=\s)/, '').replace(/(?<=\s)-$/, '')
    const text = trimBefore ? trimmed.trimEnd() : trimmed
    if (text !== '') tokens.push({ kind: 'text', text })
    if (!body.trim().startsWith('/*')) tokens.push({ kind: 'open' }, ...actionTokens(body), { kind: 'close' })
    rest = rest.slice(end + 2)
  }
}
