import { branded, type Brand } from '../brand.ts'
import { invalidText } from '../invalid.ts'

/** Autonomous system number, 32 bits. */
export type AsNumber = Brand<number, 'AsNumber'>

const MAX = 0xffff_ffff
const DIGITS = /^(0|[1-9]\d{0,9})$/

/** Takes a number, its digits, or the dotted form (`1.10` is 65546). Undefined when malformed or out of range. */
export function findAsNumber(value: string | number): AsNumber | undefined {
  const number = typeof value === 'number' ? value : fromText(value)
  return Number.isInteger(number) && number >= 0 && number <= MAX ? branded<AsNumber>(number) : undefined
}

function fromText(text: string): number {
  if (DIGITS.test(text)) return Number(text)
  const [high = '', low = '', ...rest] = text.split('.')
  const ok =
    rest.length === 0 && DIGITS.test(high) && DIGITS.test(low) && Number(high) <= 0xffff && Number(low) <= 0xffff
  return ok ? Number(high) * 65_536 + Number(low) : Number.NaN
}

/** @throws INVALID */
export function parseAsNumber(value: string | number): AsNumber {
  const number = findAsNumber(value)
  if (number === undefined) throw invalidText('AS number', String(value), AS_NUMBER_RULE)
  return number
}

export const AS_NUMBER_RULE = 'a number from 0 to 4294967295, or two of 0 to 65535 joined by a dot'
