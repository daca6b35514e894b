export interface DiffLine {
  readonly sign: '+' | '-' | ' '
  readonly text: string
}

/** Lines shown around a change. */
const CONTEXT = 3

/** Length of the longest common run of lines from each pair of places on. */
function commonLengths(a: readonly string[], b: readonly string[]): number[][] {
  const table = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = table[i] ?? []
      row[j] = a[i] === b[j] ? 1 + (table[i + 1]?.[j + 1] ?? 0) : Math.max(table[i + 1]?.[j] ?? 0, row[j + 1] ?? 0)
    }
  }
  return table
}

function allLines(a: readonly string[], b: readonly string[]): DiffLine[] {
  const table = commonLengths(a, b)
  const found: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]]
    if (left !== undefined && left === right) {
      found.push({ sign: ' ', text: left })
      i++
      j++
    } else if (left !== undefined && (right === undefined || (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0))) {
      found.push({ sign: '-', text: left })
      i++
    } else {
      found.push({ sign: '+', text: right ?? '' })
      j++
    }
  }
  return found
}

/** The lines that differ, with a few around them; none when the texts are equal. */
export function diffLines(before: string, after: string): DiffLine[] {
  const split = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
  const all = allLines(split(before), split(after))
  const near = (at: number): boolean =>
    all.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ sign }) => sign !== ' ')
  return all.filter((_, at) => near(at))
}
