import { branded, type Brand } from '../brand.ts'

/** `first:last`, first below last. */
export type PortRangeText = Brand<string, 'PortRangeText'>
/** Name of a port of an endpoint. */
export type PortName = Brand<string, 'PortName'>
/** As in JSON: a number, a range, or the name of ports of endpoints. */
export type Port = number | PortRangeText | PortName

/** Inclusive. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

export type Protocol = ProtocolName | number
export type ProtocolName = (typeof PROTOCOL_NAMES)[number]
export const PROTOCOL_NAMES = ['TCP', 'UDP', 'ICMP', 'ICMPv6', 'SCTP', 'UDPLite'] as const

const NUMBER: Record<ProtocolName, number> = { TCP: 6, UDP: 17, ICMP: 1, ICMPv6: 58, SCTP: 132, UDPLite: 136 }
const DIGITS = /^\d+$/
const RANGE = /^(\d{1,5}):(\d{1,5})$/
const PORT_NAME = /^[a-zA-Z0-9_.-]{1,128}$/
const MAX_PORT = 65_535

export const PORT_RULE =
  'a number from 0 to 65535, a range such as "8000:9000", or a name of letters, digits, "_", "." and "-"'

/** Digits are a number, a range of one port is that port. Undefined when malformed, out of range or upside down. */
export function findPort(value: string | number): Port | undefined {
  if (typeof value === 'number') return isPort(value) ? value : undefined
  if (DIGITS.test(value)) return isPort(Number(value)) ? Number(value) : undefined
  const range = RANGE.exec(value)
  if (range === null) return PORT_NAME.test(value) ? branded<PortName>(value) : undefined
  const [first, last] = [Number(range[1]), Number(range[2])]
  if (!isPort(last) || first > last) return undefined
  return first === last ? first : branded<PortRangeText>(`${first}:${last}`)
}

/** The stricter names that endpoints give their own ports. */
export const findEndpointPortName = (text: string): PortName | undefined =>
  /^(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/.test(text) && text.length <= 15 ? branded<PortName>(text) : undefined

const isPort = (number: number): boolean => Number.isInteger(number) && number >= 0 && number <= MAX_PORT

/** The numbers of a port; undefined for a named one. */
export function portRange(port: Port): PortRange | undefined {
  if (typeof port === 'number') return { first: port, last: port }
  const range = RANGE.exec(port)
  return range === null ? undefined : { first: Number(range[1]), last: Number(range[2]) }
}

export const PROTOCOL_RULE = `one of ${PROTOCOL_NAMES.join(', ')}, or a number from 1 to 255`

/** Digits are a number. Undefined when unknown or out of range. */
export function findProtocol(value: string | number): Protocol | undefined {
  if (typeof value === 'string' && !DIGITS.test(value)) return PROTOCOL_NAMES.find((name) => name === value)
  const number = Number(value)
  return Number.isInteger(number) && number >= 1 && number <= 255 ? number : undefined
}

/** The IP protocol number. */
export const protocolNumber = (protocol: Protocol): number =>
  typeof protocol === 'number' ? protocol : NUMBER[protocol]

/** Whether the protocol has ports that rules can match: TCP, UDP, SCTP. */
export const hasPorts = (protocol: Protocol): boolean => [6, 17, 132].includes(protocolNumber(protocol))
