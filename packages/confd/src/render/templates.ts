/**
 * The templates, compiled strictly (a field that does not exist is an error, not an empty text) and without escaping, which
 * BIRD's language does not know: {@link Renderable} lets in only what needs none.
 */
import { CalicoError, messageOf } from '@calico-node/core'
import Handlebars from 'handlebars'
import type { Renderable } from '../model/bird-text.ts'
import { parseManifest, type Manifest } from './manifest.ts'
import { PartMemory } from './part-memory.ts'

const SUFFIX = '.hbs'
const PARTIALS = 'partials/'
const OPTIONS = { strict: true, noEscape: true } as const
export const MANIFEST = 'manifest.json'

export interface TemplateFile {
  /** Where it was read, for messages. */
  readonly path: string
  readonly text: string
}

/** One state of the template files. */
export class Templates {
  readonly manifest: Manifest
  readonly #sources = new Map<string, HandlebarsTemplateDelegate>()
  readonly #parts = new Map<string, PartMemory>()
  readonly #handlebars = Handlebars.create()

  /**
   * @param files By name relative to the template directory; partials have the name `partials/NAME.hbs`.
   * @throws INVALID for a manifest or a template that cannot be read, naming the file
   */
  constructor(files: ReadonlyMap<string, TemplateFile>) {
    const manifest = files.get(MANIFEST)
    if (manifest === undefined) throw new CalicoError('INVALID', `Cannot use the templates: there is no ${MANIFEST}`)
    this.manifest = parseManifest(manifest.text, manifest.path)
    for (const [name, file] of files) {
      if (!name.startsWith(PARTIALS)) continue
      const partial = name.slice(PARTIALS.length, -SUFFIX.length)
      this.#parts.set(partial, new PartMemory(this.#compile(file)))
      this.#handlebars.registerPartial(partial, file.text)
    }
    this.#handlebars.registerHelper('partEach', (items: readonly Renderable[], partial: string) => {
      const part = this.#parts.get(partial)
      if (part === undefined) throw new CalicoError('INVALID', `there is no partial "${partial}"`)
      return part.printAll(items)
    })
    for (const { source } of this.manifest.daemons.flatMap((daemon) => daemon.files)) {
      const file = files.get(source)
      if (file === undefined)
        throw new CalicoError('INVALID', `Cannot use ${manifest.path}: there is no template "${source}"`)
      this.#sources.set(source, this.#compile(file))
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

  #compile({ path, text }: TemplateFile): HandlebarsTemplateDelegate {
    try {
      this.#handlebars.precompile(text, OPTIONS) // compile() alone would find mistakes only when it renders
      return this.#handlebars.compile(text, OPTIONS)
    } catch (cause) {
      throw new CalicoError('INVALID', `Cannot compile ${path}: ${messageOf(cause).split('\n', 1)[0]}`, { cause })
    }
  }
}
