/** Short words for the matches and actions that the other modules of this folder build their rules from. */
import type { Action, ConntrackState, Match, Rule } from '@calico-node/linux'
import { union } from './marks.ts'

export const ACCEPT: Action = { kind: 'accept' }
export const DROP: Action = { kind: 'drop' }
export const RETURN: Action = { kind: 'return' }
export const jump = (chain: string): Action => ({ kind: 'jump', chain })
export const goTo = (chain: string): Action => ({ kind: 'goto', chain })
export const setMark = (...bits: readonly number[]): Action => ({
  kind: 'set-mark',
  value: union(...bits),
  mask: union(...bits),
})
export const clearMark = (...bits: readonly number[]): Action => ({ kind: 'set-mark', value: 0, mask: union(...bits) })

/** A rate has no opposite. */
export type Negatable = Exclude<Match, { readonly kind: 'limit' }>

export const marked = (bit: number): Negatable => ({ kind: 'mark', value: bit, mask: bit })
export const unmarked = (bit: number): Negatable => ({ kind: 'mark', value: 0, mask: bit })
export const inInterface = (name: string): Negatable => ({ kind: 'in-interface', name })
export const outInterface = (name: string): Negatable => ({ kind: 'out-interface', name })
export const protocol = (number: number): Negatable => ({ kind: 'protocol', protocol: number })
export const tracked = (...states: readonly ConntrackState[]): Negatable => ({ kind: 'conntrack', states })
export const not = (match: Negatable): Negatable => ({ ...match, negate: true })

/** All of `match` must hold for `action`. */
export function rule(match: readonly Match[], action: Action, ...comments: readonly string[]): Rule {
  return comments.length === 0 ? { match, action } : { match, action, comments }
}

export const IP_PROTOCOL = { icmp: 1, ipip: 4, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const
