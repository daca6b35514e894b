/**
 * The vocabulary that the schemas of all kinds are written in.
 *
 * A schema takes what may stand in JSON and gives parsed values: brands for addresses and names, numbers for AS
 * numbers. What it gives it also takes again, so that a resource can be checked once more when it is written. Objects
 * keep fields that the schema does not know. Meta data says what the reference and the printing rules need.
 */
import {
  findCidr,
  findCidrText,
  findIpInterface,
  findNet,
  ipVersion,
  type Cidr,
  type CidrText,
} from '../address/cidr.ts'
import { bitsOf, findIp, findIpv4, findIpv6 } from '../address/ip.ts'
import { findMac } from '../address/mac.ts'
import { messageOf } from '@calico-node/core'
import { mentionsGlobal, parseSelector } from '@calico-node/selector'
import { z } from 'zod'
import { AS_NUMBER_RULE, findAsNumber } from '../text/as-number.ts'
import { DURATION_RULE, findDuration } from '../text/duration.ts'
import { findInterfaceName, findNodeName, findResourceName, INTERFACE_RULE, NAME_RULE } from '../text/names.ts'
import { findEndpointPortName, findPort, findProtocol, PORT_RULE, portRange, PROTOCOL_RULE } from '../text/port.ts'
import { type FieldMeta, withMeta } from './meta.ts'

/** What `find` makes of a value of `schema`; where it makes nothing, the problem has the given reason. */
function converted<S extends z.ZodType, T>(
  schema: S,
  find: (value: z.output<S>) => T | undefined,
  reason: (value: z.output<S>) => string,
) {
  return schema.transform((value, ctx): T => {
    const found = find(value)
    if (found !== undefined) return found
    ctx.addIssue({ code: 'custom', message: reason(value) })
    return z.NEVER
  })
}

/** A string that `find` understands; anything else is a problem with the reason `must be <rule>`. */
export const parsed = <T>(type: string, rule: string, find: (text: string) => T | undefined) =>
  withMeta(
    converted(z.string(), find, () => `must be ${rule}`),
    { type, rule },
  )

function numberOrText<T>(type: string, rule: string, find: (value: string | number) => T | undefined) {
  const union = z.union([z.number(), z.string()], { error: `must be ${rule}` })
  return withMeta(
    converted(union, find, () => `must be ${rule}`),
    { type, rule },
  )
}

/** Text without rules. */
export const text = () => z.string()
/** Text that matches `pattern`. */
export const pattern = (regex: RegExp, rule: string) => withMeta(z.string().regex(regex, `must be ${rule}`), { rule })
/** A boolean whose `false` is not stored. */
export const flag = () => withMeta(z.boolean(), { omitZero: true })
/** A boolean where absent and `false` differ. */
export const bool = () => z.boolean()
export const integer = (min: number, max: number) => {
  const reason = `must be a whole number from ${min} to ${max}`
  const within = (value: number): boolean => Number.isInteger(value) && value >= min && value <= max
  return withMeta(z.number().refine(within, reason), {
    type: 'integer',
    rule: `${min} to ${max}`,
    minimum: min,
    maximum: max,
  })
}
export const anyInteger = () =>
  withMeta(z.number().refine(Number.isSafeInteger, 'must be a whole number'), { type: 'integer' })
/** Position among others; fractions are fine, and so are whole numbers beyond 2^53. */
export const order = () =>
  withMeta(z.union([z.number(), z.bigint()], { error: 'must be a number' }).transform(Number), { type: 'number' })
/** Exactly one of the words. */
export const oneOf = <const T extends readonly string[]>(...words: T) => z.enum(words)
export const list = <T extends z.ZodType>(item: T) => z.array(item)
/** A list whose empty form is stored: it means something else than an absent one. */
export const meaningfulList = <T extends z.ZodType>(item: T, max = Number.MAX_SAFE_INTEGER) =>
  withMeta(z.array(item).max(max, `must have at most ${max} entries`), { keepZero: true })
/** An object that belongs to somebody else: kept as it is, even empty. */
export const opaque = () => withMeta(z.record(z.string(), z.unknown()), { keepZero: true })
/** Names and texts. */
export const textMap = () => z.record(z.string(), z.string())

export const ip = () => parsed('IP address', 'an IPv4 or IPv6 address', findIp)
export const ipv4 = () => parsed('IPv4 address', 'an IPv4 address', findIpv4)
export const ipv6 = () => parsed('IPv6 address', 'an IPv6 address', findIpv6)
/** Address with its prefix length, host bits kept; alone it means the full mask. */
export const interfaceAddress = (version: 4 | 6) =>
  parsed(
    `IPv${version} address/prefix`,
    `an IPv${version} address with its prefix length`,
    (value): CidrText | undefined => {
      const found = findIpInterface(value)
      return found === undefined || found.ip.includes(':') !== (version === 6) ? undefined : findCidrText(value)
    },
  )
/** Address or network, host bits allowed, text kept. */
export const cidrText = () => parsed('address or CIDR', 'an address or a network such as 10.0.0.0/8', findCidrText)
/** The same, IPv4 only. */
export const cidrText4 = () =>
  parsed('IPv4 address or CIDR', 'an IPv4 address or a network such as 10.0.0.0/8', (value) =>
    value.includes(':') ? undefined : findCidrText(value),
  )
/** Address or network without host bits, text kept. */
export const netText = () =>
  strict('address or CIDR', (value) => (findNet(value) === undefined ? undefined : findCidrText(value)))
/** As {@link netText}, or empty text. */
export const netOrEmpty = () =>
  strict('address or CIDR', (value) => (value === '' || findNet(value) !== undefined ? value : undefined))
/** Network with a prefix length and without host bits, in canonical text. */
export const masked = () =>
  strict(
    'CIDR',
    (value): Cidr | undefined => (value.includes('/') ? findNet(value) : undefined),
    'a network such as 10.0.0.0/8',
  )

/** As {@link parsed}, for networks: the reason names the network that was probably meant. */
function strict<T>(
  type: string,
  find: (text: string) => T | undefined,
  rule = 'an address or a network such as 10.0.0.0/8',
) {
  const reason = (value: string): string => {
    const meant = findNet(value) === undefined ? findCidr(value) : undefined
    return meant === undefined ? `must be ${rule}` : `needs host bits to be zero, as in ${meant}`
  }
  return withMeta(converted(z.string(), find, reason), { type, rule: `${rule}, host bits zero` })
}

/** A single address as /32 or /128; written alone it is completed. */
export const hostNet = () =>
  parsed('address/32 or address/128', 'one address, with /32 or /128', (value): Cidr | undefined => {
    const found = findIpInterface(value)
    return found === undefined || found.prefixLength !== bitsOf(ipVersion(found.ip)) ? undefined : found.cidr
  })
export const mac = () => parsed('MAC address', 'a MAC address such as ee:ee:ee:ee:ee:ee', findMac)
export const name = () => parsed('name', NAME_RULE, findResourceName)
export const nodeName = () => parsed('node name', NAME_RULE, findNodeName)
export const interfaceName = () => parsed('interface', INTERFACE_RULE, findInterfaceName)
/** Interface name in which `*` stands for anything, but not alone. */
export const interfacePattern = () =>
  withMeta(
    pattern(
      /^(?!\*$)[a-zA-Z0-9_.*-]{1,15}$/,
      '1 to 15 characters of letters, digits, "_", ".", "-" and "*", not "*" alone',
    ),
    { type: 'interface pattern' },
  )
export const duration = () => parsed('duration', DURATION_RULE, findDuration)
export const asNumber = () => numberOrText('AS number', AS_NUMBER_RULE, findAsNumber)
export const port = () => numberOrText('port', PORT_RULE, findPort)
export const protocol = () => numberOrText('protocol', PROTOCOL_RULE, findProtocol)
/** Name of a port of an endpoint. */
export const portName = () =>
  parsed(
    'port name',
    '1 to 15 of lower-case letters, digits and single "-", with a letter, no "-" at the ends',
    findEndpointPortName,
  )
/** A port or a range, by number. */
export const numericPort = () =>
  numberOrText('port or range', 'a number from 0 to 65535 or a range such as 30000:32767', (value) => {
    const found = findPort(value)
    return found === undefined || portRange(found) === undefined ? undefined : found
  })
/** A port of an endpoint: one number. */
export const portNumber = () => integer(1, 65_535)

/** A selector, kept as written. `global()` has a meaning only where `allowGlobal` says so. */
export const selector = ({ allowGlobal = false } = {}) =>
  withMeta(
    z.string().superRefine((value, ctx) => {
      try {
        const { ast } = parseSelector(value)
        if (!allowGlobal && mentionsGlobal(ast)) {
          ctx.addIssue({ code: 'custom', message: 'must not contain global()' })
        }
      } catch (err) {
        ctx.addIssue({ code: 'custom', message: `must be a selector: ${messageOf(err).replace(/^.*": /s, '')}` })
      }
    }),
    { type: 'selector', ...(allowGlobal ? {} : { rule: 'without global()' }) },
  )

/** The field with its sentence for the reference. */
export const doc = <T extends z.ZodType>(schema: T, description: string, more: FieldMeta = {}): T =>
  withMeta(schema, { ...more, description })
/** An optional field with its sentence for the reference. */
export const opt = <T extends z.ZodType>(schema: T, description: string, more: FieldMeta = {}): z.ZodOptional<T> =>
  withMeta(schema.optional(), { ...more, description })
/** An object that keeps fields it does not know. */
export const object = <T extends z.core.$ZodLooseShape>(shape: T) => z.looseObject(shape)
