import type { SelectorNode } from './ast.ts'
import { evaluate, type LabelSource } from './evaluate.ts'
import { parseSelectorNode } from './parser.ts'
import { printSelector } from './print.ts'

/** A parsed selector. Equal `text` means equal selection. */
export interface Selector {
  /** Canonical text, see {@link printSelector}. */
  readonly text: string
  readonly ast: SelectorNode
  matches(labels: LabelSource): boolean
}

/** @throws INVALID, saying what is wrong at which column. Blank text is `all()`. */
export const parseSelector = (text: string): Selector => selectorOf(parseSelectorNode(text))

/** Wraps a tree that was built or rewritten by a program. */
export const selectorOf = (ast: SelectorNode): Selector => ({
  text: printSelector(ast),
  ast,
  matches: (labels) => evaluate(ast, labels),
})
