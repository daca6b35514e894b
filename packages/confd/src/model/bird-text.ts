/**
 * What may reach a BIRD configuration: the values of this module, addresses of the model, numbers, booleans and null.
 * Each text type has one constructor that lets nothing through which could end the token it is printed in, and
 * {@link Renderable} accepts no plain string. So no field of a resource can change the structure of a configuration,
 * whatever it holds, and no template has to escape anything.
 */
import { CalicoError } from '@calico-node/core'
import type { Cidr, Ip } from '@calico-node/model'

declare const token: unique symbol
type Token<Name extends string> = string & { readonly [token]: Name }

/** Name of a protocol or function; quotes included where its characters need them. At most 64 characters, as BIRD wants. */
export type BirdSymbol = Token<'BirdSymbol'>
/** A string with its double quotes. */
export type BirdString = Token<'BirdString'>
/** `(64512, 100)` or `(64512, 1, 2)`. */
export type BirdCommunity = Token<'BirdCommunity'>

type Leaf = BirdSymbol | BirdString | BirdCommunity | Ip | Cidr | number | boolean | null
/** All that a template can be given. Views are type aliases, not interfaces, because only those are assignable here. */
export type Renderable = Leaf | readonly Renderable[] | { readonly [key: string]: Renderable }

const MAX_SYMBOL = 64
const MAX_PART = { 2: 0xffff, 3: 0xffff_ffff } as const

const isSymbol = (text: string): text is BirdSymbol =>
  text.length <= MAX_SYMBOL && /^[A-Za-z_][A-Za-z0-9_]*$/.test(text)
const isQuotedSymbol = (text: string): text is BirdSymbol =>
  text.length <= MAX_SYMBOL + 2 && /^'[A-Za-z0-9_.-]+'$/.test(text)
// oxlint-disable-next-line no-control-regex
const isString = (text: string): text is BirdString => /^"[^"\u0000-\u001f\u007f]*"$/.test(text)
const isCommunity = (text: string): text is BirdCommunity => /^\(\d+(, \d+){1,2}\)$/.test(text)

/** @throws INVALID for what BIRD could not read as one symbol */
export function birdSymbol(text: string): BirdSymbol {
  if (isSymbol(text)) return text
  const quoted = `'${text}'`
  if (isQuotedSymbol(quoted)) return quoted
  throw new CalicoError(
    'INVALID',
    `Cannot name something in BIRD "${text}": want up to 64 letters, digits, "_", "." or "-"`,
  )
}

/** BIRD has no escapes: what cannot stand between quotes is refused. @throws INVALID; the message does not show the text */
export function birdString(text: string): BirdString {
  const quoted = `"${text}"`
  if (isString(quoted)) return quoted
  const what = text.includes('"') ? 'a double quote' : 'a control character or line break'
  throw new CalicoError('INVALID', `Cannot give BIRD this text: it holds ${what}`)
}

/** Takes `aa:nn` (16 bits each) and `aa:nn:mm` (32 bits each). Undefined for anything else. */
export function findBirdCommunity(text: string): BirdCommunity | undefined {
  const parts = text.split(':')
  if (parts.length !== 2 && parts.length !== 3) return undefined
  const max = MAX_PART[parts.length]
  if (!parts.every((part) => /^\d{1,10}$/.test(part) && Number(part) <= max)) return undefined
  const community = `(${parts.map(Number).join(', ')})`
  return isCommunity(community) ? community : undefined
}
