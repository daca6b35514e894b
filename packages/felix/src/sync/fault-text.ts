import { findResourceKey } from '@calico-node/model'
import type { Fault } from '../calc/validation-filter.ts'

/** A fault of a stored value as a sentence for the report of this host. */
export function faultText(key: string, { kind, reason }: Fault): string {
  const found = findResourceKey(key)
  const path = [found?.namespace, found?.name].filter((part) => part !== undefined).join('/')
  const what = found === undefined ? key : `${found.kind} ${path}`
  const [, why = reason] = reason.split(`${key}: `, 2) // the reason may say of what, too
  return `${what} ${kind === 'invalid' ? 'is invalid and counts as missing' : 'has rules without effect'}: ${why}`
}
