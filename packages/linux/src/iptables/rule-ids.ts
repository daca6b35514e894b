/**
 * Ids of rules. Each is written as the first comment of its rule and depends on the chain's name, on the rule, and on all rules
 * before it, so that a list of ids says whether a chain is as wanted without parsing any rule.
 */
import { hash } from 'node:crypto'
import { RULE_ID_PREFIX } from '../ownership.ts'

const ID_LENGTH = 16

const digest = (text: string): string => hash('sha224', text, 'base64url')

/** @param seed The chain's name, with a suffix where one chain holds several lists. @returns One id a rule, 16 characters. */
export function ruleIds(seed: string, rules: readonly string[]): string[] {
  let previous = digest(seed)
  return rules.map((rule) => {
    previous = digest(previous + rule)
    return previous.slice(0, ID_LENGTH)
  })
}

export const idComment = (id: string): string => `-m comment --comment "${RULE_ID_PREFIX}${id}"`
