import type { SelectorNode } from './ast.ts'
import { selectorError, tokenize, type Token } from './lexer.ts'

/** Deeper nesting than any person writes; keeps a hostile selector from exhausting the stack of an agent. */
const MAX_DEPTH = 200

/**
 * Parses a selector to its tree; text of blanks only means `all()`.
 *
 * `!` binds tightest, then `&&`, then `||`. Blanks are space and tab.
 *
 * @throws INVALID, saying what is wrong at which column (`context.position` counts from 0).
 */
export function parseSelectorNode(text: string): SelectorNode {
  const parser = new Parser(text)
  return parser.parse()
}

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokenize(text)
  }

  parse(): SelectorNode {
    if (this.#peek().kind === 'end') return { kind: 'all' }
    const node = this.#or()
    if (this.#peek().kind !== 'end') throw this.#unexpected('"&&", "||" or the end')
    return node
  }

  #or(): SelectorNode {
    return this.#group('or', '||', () => this.#group('and', '&&', () => this.#unary()))
  }

  #group(kind: 'and' | 'or', separator: '&&' | '||', operand: () => SelectorNode): SelectorNode {
    const first = operand()
    if (this.#peek().kind !== separator) return first
    const operands = [first]
    while (this.#accept(separator)) operands.push(operand())
    return { kind, operands }
  }

  #unary(): SelectorNode {
    let negated = false
    while (this.#accept('!')) negated = !negated
    const operand = this.#primary()
    if (!negated) return operand
    return operand.kind === 'not' ? operand.operand : { kind: 'not', operand }
  }

  #primary(): SelectorNode {
    const token = this.#peek()
    switch (token.kind) {
      case '(': {
        this.#next++
        if (++this.#depth > MAX_DEPTH) throw selectorError(this.#text, token.at, `more than ${MAX_DEPTH} nested groups`)
        const inner = this.#or()
        this.#depth--
        this.#expect(')', '")"')
        return inner
      }
      case 'has(': {
        this.#next++
        const label = this.#textOf('label', 'a label name')
        this.#expect(')', '")"')
        return { kind: 'has', label }
      }
      case 'all(':
      case 'global(':
        this.#next++
        this.#expect(')', '")"')
        return { kind: token.kind === 'all(' ? 'all' : 'global' }
      case 'label':
        this.#next++
        return this.#comparison(token.text)
      default:
        throw this.#unexpected('a label, a function, "!" or "("')
    }
  }

  #comparison(label: string): SelectorNode {
    const token = this.#peek()
    if (token.kind !== 'operator') throw this.#unexpected('an operator such as "==" after the label')
    this.#next++
    if (token.operator === 'in' || token.operator === 'not-in') {
      return { kind: token.operator, label, values: this.#set() }
    }
    return { kind: token.operator, label, value: this.#textOf('string', 'a quoted string') }
  }

  #set(): string[] {
    this.#expect('{', '"{"')
    const values = new Set<string>()
    while (this.#peek().kind !== '}') {
      values.add(this.#textOf('string', 'a quoted string or "}"'))
      if (!this.#accept(',')) break
    }
    this.#expect('}', '"," or "}"')
    return [...values].toSorted(byCodeUnit)
  }

  #textOf(kind: 'label' | 'string', wanted: string): string {
    const token = this.#peek()
    if (token.kind !== kind) throw this.#unexpected(wanted)
    this.#next++
    return token.text
  }

  #accept(kind: Token['kind']): boolean {
    if (this.#peek().kind !== kind) return false
    this.#next++
    return true
  }

  #expect(kind: Token['kind'], wanted: string): void {
    if (!this.#accept(kind)) throw this.#unexpected(wanted)
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', at: this.#text.length }
  }

  #unexpected(wanted: string): Error {
    const { at, kind } = this.#peek()
    const found = kind === 'end' ? 'the end' : JSON.stringify(this.#text.slice(at, at + 10))
    return selectorError(this.#text, at, `expected ${wanted}, not ${found}`)
  }
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
