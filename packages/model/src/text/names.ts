import { branded, type Brand } from '../brand.ts'
import { invalidText } from '../invalid.ts'

/** DNS-like name of a resource: labels of `[a-z0-9-]` joined by dots, at most 253 characters. */
export type ResourceName = Brand<string, 'ResourceName'>
/** A resource name that is the name of a host. */
export type NodeName = Brand<string, 'NodeName'>
/** Name of a network interface that is safe in a path below /proc/sys and in a rule. */
export type InterfaceName = Brand<string, 'InterfaceName'>

const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
const INTERFACE = /^[a-zA-Z0-9_.-]{1,15}$/
/** Directories of the kernel's own below /proc/sys/net/ipv4/conf, and path segments. */
const NOT_AN_INTERFACE: ReadonlySet<string> = new Set(['.', '..', 'all', 'default'])

/** A resource name's one dot-free part. */
export const isDnsLabel = (text: string): boolean => text.length <= 63 && SUBDOMAIN.test(text) && !text.includes('.')

export const NAME_RULE =
  'lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit, at most 253'

export const findResourceName = (text: string): ResourceName | undefined =>
  text.length <= 253 && SUBDOMAIN.test(text) ? branded<ResourceName>(text) : undefined

/** @throws INVALID */
export function parseResourceName(text: string): ResourceName {
  const name = findResourceName(text)
  if (name === undefined) throw invalidText('name', text, NAME_RULE)
  return name
}

/** Exactly a resource name, no case folding: for names that are stored. */
export const findNodeName = (text: string): NodeName | undefined =>
  findResourceName(text) === undefined ? undefined : branded<NodeName>(text)

/** Trims and folds case, as every component does with a host name before it uses it. @throws INVALID */
export function parseNodeName(text: string): NodeName {
  const name = findNodeName(text.trim().toLowerCase())
  if (name === undefined) throw invalidText('node name', text, NAME_RULE)
  return name
}

/** Whether two names of hosts may be meant for one: they differ in case, or one is the other with its domain. */
export function areConfusable(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()]
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`)
}

export const INTERFACE_RULE =
  '1 to 15 characters of letters, digits, "_", "." and "-", and none of "all", "default", ".", ".."'

export const findInterfaceName = (text: string): InterfaceName | undefined =>
  INTERFACE.test(text) && !NOT_AN_INTERFACE.has(text) ? branded<InterfaceName>(text) : undefined

/** @throws INVALID */
export function parseInterfaceName(text: string): InterfaceName {
  const name = findInterfaceName(text)
  if (name === undefined) throw invalidText('interface name', text, INTERFACE_RULE)
  return name
}
