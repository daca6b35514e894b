/**
 * The templates: those of this program, each replaced by the operator's file of the same name where there is one. They are
 * compiled strictly (a field that does not exist is an error, not an empty text) and without escaping, which BIRD's
 * language does not know: {@link Renderable} lets in only what needs none.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CalicoError, messageOf } from '@calico-node/core'
import Handlebars from 'handlebars'
import type { Renderable } from '../model/bird-text.ts'
import { parseManifest, type Manifest } from './manifest.ts'

const SUFFIX = '.hbs'
const PARTIALS = 'partials'
const OPTIONS = { strict: true, noEscape: true } as const

export interface TemplateDirectories {
  readonly shipped: string
  /** The operator's; need not exist. */
  readonly overrides?: string | undefined
}

/** One state of the template files. */
export class Templates {
  readonly manifest: Manifest
  /** The operator's files that are in use. */
  readonly overridden: readonly string[]
  readonly #sources = new Map<string, HandlebarsTemplateDelegate>()
  readonly #handlebars = Handlebars.create()

  /** Reads all files. @throws INVALID for a manifest or a template that cannot be read, naming the file */
  constructor(directories: TemplateDirectories) {
    const files = findFiles(directories)
    this.overridden = [...files.values()].filter(
      (path) => directories.overrides !== undefined && path.startsWith(`${directories.overrides}/`),
    )
    const manifestPath = files.get('manifest.json') ?? join(directories.shipped, 'manifest.json')
    this.manifest = parseManifest(readFileSync(manifestPath, 'utf8'), manifestPath)
    for (const [name, path] of files) if (name.startsWith(`${PARTIALS}/`)) this.#addPartial(name, path)
    for (const source of new Set(this.manifest.daemons.flatMap((daemon) => daemon.files.map((file) => file.source)))) {
      const path = files.get(source)
      if (path === undefined)
        throw new CalicoError('INVALID', `Cannot use ${manifestPath}: there is no template "${source}"`)
      this.#sources.set(source, this.#compile(path))
    }
  }

  /** @throws INVALID when the template asks for what the view does not have */
  render(source: string, view: Renderable): string {
    const template = this.#sources.get(source)
    if (template === undefined) throw new CalicoError('INVALID', `Cannot render "${source}": there is no such template`)
    try {
      return template(view)
    } catch (cause) {
      throw new CalicoError('INVALID', `Cannot render "${source}": ${messageOf(cause)}`, { cause })
    }
  }

  #addPartial(name: string, path: string): void {
    const partial = name.slice(PARTIALS.length + 1, -SUFFIX.length)
    this.#compile(path)
    this.#handlebars.registerPartial(partial, readFileSync(path, 'utf8'))
  }

  #compile(path: string): HandlebarsTemplateDelegate {
    try {
      const text = readFileSync(path, 'utf8')
      this.#handlebars.precompile(text, OPTIONS) // compile() alone would find mistakes only when it renders
      return this.#handlebars.compile(text, OPTIONS)
    } catch (cause) {
      throw new CalicoError('INVALID', `Cannot compile ${path}: ${messageOf(cause).split('\n', 1)[0]}`, { cause })
    }
  }
}

/** Name relative to its directory, to the path that counts. */
function findFiles({ shipped, overrides }: TemplateDirectories): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const directory of overrides === undefined ? [shipped] : [shipped, overrides]) {
    for (const sub of ['', PARTIALS]) {
      const at = join(directory, sub)
      if (!existsSync(at)) continue
      for (const name of readdirSync(at)) {
        if (name.endsWith(SUFFIX) || (sub === '' && name === 'manifest.json'))
          files.set(join(sub, name), join(at, name))
      }
    }
  }
  return files
}
