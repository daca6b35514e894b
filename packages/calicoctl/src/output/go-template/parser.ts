/** The common subset of Go's templates: range, if, with, variables, pipelines, comparisons, printf, join. */
import { templateError, tokenize, type Token } from './lexer.ts'

export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'dot'; readonly names: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: 'nested'; readonly pipeline: Pipeline; readonly names: readonly string[] }
/** One call: a function with arguments, or a single operand. */
export interface Call {
  readonly name: string | undefined
  readonly operands: readonly Operand[]
}
export interface Pipeline {
  /** Variables that take the value; two for `range $i, $item := ...`. */
  readonly assign: readonly string[]
  readonly calls: readonly Call[]
}
export type Statement =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | Block
export interface Block {
  readonly kind: 'range' | 'if' | 'with'
  readonly pipeline: Pipeline
  readonly body: readonly Statement[]
  readonly otherwise: readonly Statement[]
}

const CONSTANTS: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null }

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  #peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  #is(kind: Token['kind'], text?: string, ahead = 0): boolean {
    const token = this.#peek(ahead)
    return token?.kind === kind && (text === undefined || ('text' in token && token.text === text))
  }

  #expect(kind: Token['kind'], text?: string): void {
    if (!this.#is(kind, text)) throw templateError(`${text ?? kind} is missing`)
    this.#at++
  }

  /** Up to `{{end}}` or `{{else}}`, which stay; up to the end of the text when `nested` is false. */
  statements(nested: boolean): Statement[] {
    const found: Statement[] = []
    for (let token = this.#peek(); token !== undefined; token = this.#peek()) {
      if (token.kind === 'text') {
        this.#at++
        found.push(token)
      } else if (this.#is('word', 'end', 1) || this.#is('word', 'else', 1)) {
        if (nested) return found
        throw templateError('there is an end or else too many')
      } else {
        this.#expect('open')
        found.push(this.#action())
      }
    }
    if (nested) throw templateError('an end is missing')
    return found
  }

  #action(): Statement {
    const token = this.#peek()
    if (token?.kind === 'word' && (token.text === 'range' || token.text === 'if' || token.text === 'with')) {
      this.#at++
      return this.#block(token.text)
    }
    if (token?.kind === 'word' && ['define', 'template', 'block', 'break', 'continue'].includes(token.text)) {
      throw templateError(`"${token.text}" is not supported`)
    }
    const pipeline = this.#pipeline()
    this.#expect('close')
    return { kind: 'print', pipeline }
  }

  #block(kind: 'range' | 'if' | 'with'): Statement {
    const pipeline = this.#pipeline()
    this.#expect('close')
    const body = this.statements(true)
    this.#expect('open')
    let otherwise: readonly Statement[] = []
    if (this.#is('word', 'else')) {
      this.#at++
      if (this.#is('word', 'if') || this.#is('word', 'with')) {
        const again = this.#is('word', 'if') ? 'if' : 'with'
        this.#at++
        return { kind, pipeline, body, otherwise: [this.#block(again)] }
      }
      this.#expect('close')
      otherwise = this.statements(true)
      this.#expect('open')
    }
    this.#expect('word', 'end')
    this.#expect('close')
    return { kind, pipeline, body, otherwise }
  }

  #pipeline(): Pipeline {
    const assign: string[] = []
    const comma = this.#is('variable') && this.#is('symbol', ',', 1)
    if (comma || (this.#is('variable') && (this.#is('symbol', ':=', 1) || this.#is('symbol', '=', 1)))) {
      for (let token = this.#peek(); token?.kind === 'variable'; token = this.#peek()) {
        assign.push(token.text)
        this.#at++
        if (this.#is('symbol', ',')) this.#at++
      }
      this.#at++
    }
    const calls = [this.#call()]
    while (this.#is('symbol', '|')) {
      this.#at++
      calls.push(this.#call())
    }
    return { assign, calls }
  }

  #call(): Call {
    const token = this.#peek()
    let name: string | undefined
    if (token?.kind === 'word' && !(token.text in CONSTANTS)) {
      name = token.text
      this.#at++
    }
    const operands: Operand[] = []
    for (let operand = this.#operand(); operand !== undefined; operand = this.#operand()) operands.push(operand)
    if (name === undefined && operands.length !== 1) throw templateError('an action needs one value or one function')
    return { name, operands }
  }

  #operand(): Operand | undefined {
    const token = this.#peek()
    if (token === undefined) return undefined
    if (token.kind === 'symbol' && token.text === '(') {
      this.#at++
      const pipeline = this.#pipeline()
      this.#expect('symbol', ')')
      return { kind: 'nested', pipeline, names: this.#names() }
    }
    if (token.kind === 'string') return this.#take({ kind: 'literal', value: token.text })
    if (token.kind === 'number') return this.#take({ kind: 'literal', value: Number(token.text) })
    if (token.kind === 'path') return this.#take({ kind: 'dot', names: token.names })
    if (token.kind === 'word') {
      const value = CONSTANTS[token.text]
      if (value === undefined)
        throw templateError(`"${token.text}" stands where a value is wanted; put it in parentheses`)
      return this.#take({ kind: 'literal', value })
    }
    if (token.kind !== 'variable') return undefined
    this.#at++
    return { kind: 'variable', name: token.text, names: this.#names() }
  }

  #take(operand: Operand): Operand {
    this.#at++
    return operand
  }

  /** Fields of the value before: `$x.A.B`. */
  #names(): readonly string[] {
    const token = this.#peek()
    if (token?.kind !== 'path' || token.names.length === 0) return []
    this.#at++
    return token.names
  }
}

/** @throws INVALID, saying what is not supported */
export const parseTemplate = (template: string): Statement[] => new Parser(tokenize(template)).statements(false)
