/**
 * Ids of rules. Each is written as the first comment of its rule and depends on the chain's name, on the rule, and on all rules
 * before it, so that a list of ids says whether a chain is as wanted without parsing any rule.
 */
import { createHash } from 'node:crypto'
import { RULE_ID_PREFIX } from '../ownership.ts'

const ID_LENGTH = 16

const sha224 = (...parts: (string | Uint8Array)[]): Uint8Array => {
  const hash = createHash('sha224')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** @param seed The chain's name, with a suffix where one chain holds several lists. @returns One id a rule, 16 characters. */
export function ruleIds(seed: string, rules: readonly string[]): string[] {
  let previous = sha224(seed)
  return rules.map((rule) => {
    previous = sha224(previous, rule)
    return Buffer.from(previous).toString('base64url').slice(0, ID_LENGTH)
  })
}

export const idComment = (id: string): string => `-m comment --comment "${RULE_ID_PREFIX}${id}"`
