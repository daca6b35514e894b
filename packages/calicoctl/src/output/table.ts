/** The two table layouts that scripts rely on. Pure text; widths count characters. */

const widthOf = (text: string): number => Array.from(text).length

const columnWidths = (rows: readonly (readonly string[])[]): number[] => {
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, widthOf(cell))
    })
  return widths
}

const PADDING = 3
const NARROWEST = 5

/** Left-aligned columns, each padded by three spaces also at the end of the line, then an empty line. */
export function renderColumns(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [columns, ...rows]
  const widths = columnWidths(all).map((width) => Math.max(NARROWEST, width + PADDING))
  const text = all.map((row) => row.map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell))).join(''))
  return `${text.join('\n')}\n\n`
}

const NUMBER = /^-?\d[\d,]*(\.\d+)?%?$/

const padTo = (cell: string, width: number, align: 'left' | 'right' | 'centre'): string => {
  const spare = width - widthOf(cell)
  const before = align === 'left' ? 0 : align === 'right' ? spare : Math.floor(spare / 2)
  return ' '.repeat(before) + cell + ' '.repeat(spare - before)
}

/** Cells between lines: headings centred, numbers to the right, everything else to the left. */
export function renderGrid(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columnWidths([columns, ...rows])
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`
  const row = (cells: readonly string[], align: (cell: string) => 'left' | 'right' | 'centre'): string =>
    `|${widths.map((width, i) => ` ${padTo(cells[i] ?? '', width, align(cells[i] ?? ''))} `).join('|')}|\n`
  const body = rows.map((cells) => row(cells, (cell) => (NUMBER.test(cell) ? 'right' : 'left'))).join('')
  return `${rule}${row(columns, () => 'centre')}${rule}${body}${rule}`
}
