import { createHash } from 'node:crypto'
import type { FileSet } from '../render/render.ts'

/** A set of files that says which one it is: BIRD, when it runs it, knows `symbol`. */
export interface SealedFiles {
  readonly files: FileSet
  readonly symbol: string
}

/** Adds to the main file, the last one, a constant that is named after the content of all of them. */
export function seal(files: FileSet): SealedFiles {
  const hash = createHash('sha256')
  for (const [name, text] of files) hash.update(`${name}\0${text}\0`)
  const symbol = `calico_config_${hash.digest('hex').slice(0, 16)}`
  const main = [...files.keys()].at(-1)
  const mark = `\n# By this confd sees which configuration BIRD runs.\ndefine ${symbol} = 1;\n`
  return { symbol, files: new Map([...files].map(([name, text]) => [name, name === main ? text + mark : text])) }
}
