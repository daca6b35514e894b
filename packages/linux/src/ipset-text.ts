/** The text of `ipset save` and `ipset restore`. Pure. */
import { findCidr, findIp } from '@calico-node/model'
import type { IpSet } from './rules/types.ts'

/** A set as the kernel shows it. */
export interface KernelIpSet {
  readonly name: string
  readonly type: string
  readonly family: 'inet' | 'inet6'
  readonly maxElements: number
  readonly members: ReadonlySet<string>
}

export const familyOf = (ipVersion: 4 | 6): 'inet' | 'inet6' => (ipVersion === 4 ? 'inet' : 'inet6')

/** Reads `create` lines and the `add` lines that follow each. Options that we do not set are skipped. */
export function parseSave(text: string): KernelIpSet[] {
  const sets: { name: string; type: string; family: 'inet' | 'inet6'; maxElements: number; members: Set<string> }[] = []
  for (const line of text.split('\n')) {
    const [verb, name = '', third = '', ...options] = line.split(' ')
    if (verb === 'add') sets.at(-1)?.members.add(canonicalMember(third))
    if (verb !== 'create') continue
    const option = (key: string): string | undefined => options[options.indexOf(key) + 1]
    const family = options.includes('inet6') ? 'inet6' : 'inet'
    sets.push({ name, type: third, family, maxElements: Number(option('maxelem') ?? 0), members: new Set() })
  }
  return sets
}

/** One text for one member: hosts without prefix length, IPv6 as this project prints it and not as the C library does. */
export function canonicalMember(text: string): string {
  if (!text.includes(':')) return text.endsWith('/32') ? text.slice(0, -3) : text
  const comma = text.indexOf(',')
  const address = comma === -1 ? text : text.slice(0, comma)
  const rest = comma === -1 ? '' : text.slice(comma)
  if (!address.includes(':')) return text // an IPv4 address; the colon belongs to the port
  const plain = address.endsWith('/128') ? address.slice(0, -4) : address
  return (findIp(plain) ?? findCidr(plain) ?? plain) + rest
}

export const createLine = (name: string, set: Pick<IpSet, 'type' | 'ipVersion'>, maxElements: number): string =>
  `create ${name} ${set.type} family ${familyOf(set.ipVersion)} maxelem ${maxElements}`
