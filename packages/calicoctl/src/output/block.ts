import { assertNever } from '@calico-node/core'
import { renderColumns, renderGrid } from './table.ts'

/** A piece of standard output. */
export type Block =
  | { readonly kind: 'text'; readonly text: string }
  /** Columns padded with spaces, followed by an empty line. */
  | { readonly kind: 'columns'; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  /** A table drawn with lines. */
  | { readonly kind: 'grid'; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: 'json'; readonly value: unknown }

export const line = (text: string): Block => ({ kind: 'text', text: `${text}\n` })
export const lines = (...texts: readonly string[]): Block[] => texts.map(line)

const bigintText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

export function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'text':
      return block.text
    case 'columns':
      return renderColumns(block.columns, block.rows)
    case 'grid':
      return renderGrid(block.columns, block.rows)
    case 'json':
      return `${JSON.stringify(block.value, bigintText, 2)}\n`
    default:
      return assertNever(block)
  }
}
