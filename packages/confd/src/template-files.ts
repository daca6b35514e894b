import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MANIFEST, type TemplateFile } from './render/templates.ts'

export interface TemplateDirectories {
  readonly shipped: string
  /** The operator's; need not exist. A file in it replaces the shipped one of the same name. */
  readonly overrides?: string
}

/** The files that count, by name. */
export function readTemplateFiles({ shipped, overrides }: TemplateDirectories): ReadonlyMap<string, TemplateFile> {
  const files = new Map<string, TemplateFile>()
  for (const directory of overrides === undefined ? [shipped] : [shipped, overrides]) {
    for (const sub of ['', 'partials']) {
      const at = join(directory, sub)
      for (const entry of existsSync(at) ? readdirSync(at) : []) {
        const path = join(at, entry)
        const wanted = entry.endsWith('.hbs') || (sub === '' && entry === MANIFEST)
        if (wanted) files.set(join(sub, entry), { path, text: readFileSync(path, 'utf8') })
      }
    }
  }
  return files
}
