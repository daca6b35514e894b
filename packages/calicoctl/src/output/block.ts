import { assertNever } from '@calico-node/core'
import { wrap } from '../cli/help.ts'
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

const WIDTH = 80

/** Text behind a heading in at most 80 columns, its other lines under the first. */
export const paragraph = (heading: string, text: string): Block[] =>
  wrap(text, WIDTH - heading.length).map((each, i) => line(`${i === 0 ? heading : ' '.repeat(heading.length)}${each}`))

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
