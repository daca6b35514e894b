/** What `-o` of `get` can say. */
import { readFileSync } from 'node:fs'
import { CalicoError, messageOf, nearestName } from '@calico-node/core'

export type Format =
  | { readonly kind: 'ps' | 'wide' | 'yaml' | 'json' | 'name' }
  | { readonly kind: 'custom-columns'; readonly columns: readonly string[] }
  | { readonly kind: 'go-template'; readonly template: string }

export const FORMATS = 'ps, wide, yaml, json, name, custom-columns=NAME,..., go-template=TEXT or go-template-file=FILE'

/** What may be typed after `-o`, or how it begins. */
export const FORMAT_WORDS: readonly string[] =
  'ps wide yaml json name custom-columns= go-template= go-template-file='.split(' ')

/** @throws INVALID for anything else than {@link FORMATS} */
export function parseFormat(text: string): Format {
  const [name = '', ...rest] = text.split('=')
  const argument = rest.join('=')
  if (rest.length === 0) {
    if (name === 'ps' || name === 'wide' || name === 'json' || name === 'name' || name === 'yaml') return { kind: name }
    if (name === 'yml') return { kind: 'yaml' }
  }
  if (name === 'custom-columns' && argument !== '') return { kind: 'custom-columns', columns: argument.split(',') }
  if (name === 'go-template' && argument !== '') return { kind: 'go-template', template: argument }
  if (name === 'go-template-file' && argument !== '') {
    try {
      return { kind: 'go-template', template: readFileSync(argument, 'utf8') }
    } catch (err) {
      throw new CalicoError('INVALID', `Cannot read the template: ${messageOf(err)}`, { cause: err })
    }
  }
  const near = nearestName(name, FORMAT_WORDS)
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  throw new CalicoError('INVALID', `unrecognized output format '${text}': want ${FORMATS}${hint}`)
}
