import { branded, type Brand } from '../brand.ts'
import { invalidText } from '../invalid.ts'

/** Six lower-case pairs joined by colons. */
export type Mac = Brand<string, 'Mac'>

const MAC = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$/i

/** Takes colons or dashes, any case. Undefined when malformed. */
export const findMac = (text: string): Mac | undefined =>
  MAC.test(text) ? branded<Mac>(text.toLowerCase().replaceAll('-', ':')) : undefined

/** @throws INVALID */
export function parseMac(text: string): Mac {
  const mac = findMac(text)
  if (mac === undefined) throw invalidText('MAC address', text, 'six pairs of hexadecimal digits joined by ":"')
  return mac
}
