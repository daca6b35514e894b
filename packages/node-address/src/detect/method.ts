import { CalicoError, messageOf } from '@calico-node/core'
import { type Cidr, ipVersion, parseCidr } from '@calico-node/model'

/** How a node's address is found. `auto` is what an unset variable means; the others are what an operator can write. */
export type DetectionMethod =
  | { readonly kind: 'auto' }
  | { readonly kind: 'first-found' }
  | { readonly kind: 'interface'; readonly patterns: readonly RegExp[] }
  | { readonly kind: 'skip-interface'; readonly patterns: readonly RegExp[] }
  | { readonly kind: 'can-reach'; readonly host: string }
  | { readonly kind: 'cidr'; readonly cidrs: readonly Cidr[] }

const ALLOWED = 'first-found, interface=REGEX[,REGEX], skip-interface=REGEX[,REGEX], can-reach=HOST or cidr=CIDR[,CIDR]'

const bad = (text: string, why: string): CalicoError =>
  new CalicoError('INVALID', `Cannot use detection method "${text}": ${why}`, { context: { text } })

const list = (text: string, argument: string): string[] => {
  const items = argument.split(',').map((item) => item.trim())
  if (items.some((item) => item === '')) throw bad(text, 'an item of the list is empty')
  return items
}

/** Patterns are unanchored: `eth` also matches `veth0`. */
function patterns(text: string, argument: string): RegExp[] {
  return list(text, argument).map((item) => {
    try {
      return new RegExp(item)
    } catch (err) {
      throw bad(text, messageOf(err))
    }
  })
}

/**
 * Parses the value of IP_AUTODETECTION_METHOD or IP6_AUTODETECTION_METHOD.
 *
 * @param version The family that the method will search: networks of the other one are refused.
 * @throws INVALID
 */
export function parseDetectionMethod(text: string, version: 4 | 6): DetectionMethod {
  const [name = '', ...rest] = text.split('=')
  const argument = rest.join('=').trim()
  if (name === 'first-found' && rest.length === 0) return { kind: 'first-found' }
  if (name === 'kubernetes-internal-ip') throw bad(text, 'it needs Kubernetes')
  if (!['interface', 'skip-interface', 'can-reach', 'cidr'].includes(name)) throw bad(text, `want ${ALLOWED}`)
  if (argument === '') throw bad(text, `want ${ALLOWED}`)
  if (name === 'interface') return { kind: 'interface', patterns: patterns(text, argument) }
  if (name === 'skip-interface') return { kind: 'skip-interface', patterns: patterns(text, argument) }
  if (name === 'can-reach') return { kind: 'can-reach', host: argument }
  const cidrs = list(text, argument).map(parseCidr)
  const foreign = cidrs.find((cidr) => ipVersion(cidr) !== version)
  if (foreign !== undefined) throw bad(text, `${foreign} is not an IPv${version} network`)
  return { kind: 'cidr', cidrs }
}
