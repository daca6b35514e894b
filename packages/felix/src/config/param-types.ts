/**
 * The value types of Felix parameters. Each reads two forms: the text of the environment, the file and annotations
 * (durations are plain seconds there, lists are comma-separated) and the JSON of a FelixConfiguration (durations are Go
 * duration strings, lists are arrays).
 */
import { messageOf } from '@calico-node/core'
import { type Cidr, type Ip, parseCidr, parseDuration, parseIp, parseIpv4, printDuration } from '@calico-node/model'
import { z } from 'zod'

export interface ParamType<T> {
  /** For people: what the reference calls this type. */
  readonly name: string
  /** What the text `none` sets. */
  readonly zero: T
  readonly text: z.ZodType<T, string>
  readonly json: z.ZodType<T>
  /** The text form, for logs and the reference. */
  print(value: T): string
}

/** One failsafe entry: traffic of this protocol and port, from or to `net` (any address when absent), always passes. */
export interface FailsafePort {
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly port: number
  readonly net?: Cidr
}

export interface PortRange {
  readonly first: number
  readonly last: number
}

export interface RateLimit {
  readonly count: number
  readonly per: 'second' | 'minute' | 'hour' | 'day'
}

/** A schema around a parser that throws; what it throws is the complaint. */
function parsed<T>(parse: (text: string) => T): z.ZodType<T, string> {
  return z.string().transform((text, ctx) => {
    try {
      return parse(text)
    } catch (err) {
      ctx.addIssue({ code: 'custom', message: messageOf(err) })
      return z.NEVER
    }
  })
}

const fail = (message: string): never => {
  throw new Error(message)
}

function scalar<T>(
  name: string,
  zero: T,
  parse: (text: string) => T,
  print: (value: T) => string = String,
): ParamType<T> {
  const text = parsed(parse)
  return { name, zero, text, json: text, print }
}

const YES = ['true', '1', 'yes', 'y', 't']
const NO = ['false', '0', 'no', 'n', 'f']
const readBool = (text: string): boolean => {
  const word = text.toLowerCase()
  return YES.includes(word) || (NO.includes(word) ? false : fail('want true or false'))
}
export const bool: ParamType<boolean> = { ...scalar('boolean', false, readBool), json: z.boolean() }

/** Undefined = decided from the cluster's state. */
export const maybeBool: ParamType<boolean | undefined> = {
  name: 'boolean or unset',
  zero: undefined,
  text: parsed<boolean | undefined>(readBool),
  json: z.boolean().optional(),
  print: (value) => (value === undefined ? '' : String(value)),
}

const readInt =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^(-?\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN
    return value >= min && value <= max ? value : fail(`want a whole number from ${min} to ${max}`)
  }
const intJson = (min: number, max: number): z.ZodType<number> => z.number().int().min(min).max(max)

export const int = (min: number, max: number): ParamType<number> => ({
  ...scalar(`whole number ${min} to ${max}`, 0, readInt(min, max)),
  json: intJson(min, max),
})
export const port = int(0, 65535)
export const mask: ParamType<number> = {
  ...scalar('32-bit mask', 0, readInt(0, 0xffff_ffff), (value) => `0x${value.toString(16)}`),
  json: intJson(0, 0xffff_ffff),
}

const durationOf = (name: string, unitMs: number): ParamType<number> => ({
  name,
  zero: 0,
  text: parsed((text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) * unitMs : Number.NaN
    return Number.isFinite(value) ? value : fail(`want a number of ${unitMs === 1 ? 'milliseconds' : 'seconds'}`)
  }),
  json: parsed(parseDuration),
  print: printDuration,
})
/** Seconds in text; milliseconds as a value. */
export const seconds = durationOf('duration (text: seconds)', 1000)
/** Milliseconds in text and as a value. */
export const millis = durationOf('duration (text: milliseconds)', 1)

/** Case does not matter; the value is the spelling given here. */
export function oneOf<const W extends string>(...words: readonly [W, ...W[]]): ParamType<W> {
  const read = (text: string): W =>
    words.find((word) => word.toLowerCase() === text.toLowerCase()) ?? fail(`want one of ${words.join(', ')}`)
  return scalar(words.join(' / '), words[0], read)
}

export const word = scalar('text', '', (text) => text)
export const maybeWord = scalar<string | undefined>(
  'text',
  undefined,
  (text) => text,
  (value) => value ?? '',
)
export const regex = scalar('regular expression', '', (text) => new RegExp(text).source)

const split = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** A list that both forms write as comma-separated text. */
function commaList<T>(name: string, parse: (text: string) => T, print: (value: T) => string): ParamType<readonly T[]> {
  return scalar<readonly T[]>(
    name,
    [],
    (text) => split(text).map(parse),
    (list) => list.map(print).join(','),
  )
}

/** A list that is comma-separated in text and an array in JSON. */
function list<T>(
  name: string,
  item: { readonly parse: (text: string) => T; readonly json: z.ZodType<T>; readonly print: (value: T) => string },
): ParamType<readonly T[]> {
  return { ...commaList(name, item.parse, item.print), json: z.array(item.json) }
}

const INTERFACE_PREFIX = /^[a-zA-Z0-9:._-]{1,15}$/
export const interfacePrefixes = commaList(
  'comma list of interface prefixes',
  (text) => (INTERFACE_PREFIX.test(text) ? text : fail(`"${text}" is not the start of an interface name`)),
  (text) => text,
)
/** Names, or regular expressions between slashes. */
export const interfacePatterns = commaList(
  'comma list of names or /expressions/',
  (text) => (/^\/.+\/$/.test(text) ? `/${new RegExp(text.slice(1, -1)).source}/` : text),
  (text) => text,
)
export const cidrs = list<Cidr>('list of CIDRs', { parse: parseCidr, json: parsed(parseCidr), print: String })
export const maybeIp = scalar<Ip | undefined>('IP address', undefined, parseIp, (value) => value ?? '')
export const maybeIpv4 = scalar<Ip | undefined>('IPv4 address', undefined, parseIpv4, (value) => value ?? '')

export const maybePortRange = scalar<PortRange | undefined>(
  'first:last',
  undefined,
  (text) => {
    const [, low = '', , high = low] = /^(\d{1,5})(:(\d{1,5}))?$/.exec(text) ?? fail('want first:last')
    const range = { first: Number(low), last: Number(high) }
    return range.first <= range.last && range.last <= 65535 ? range : fail('want ports in ascending order')
  },
  (value) => (value === undefined ? '' : `${value.first}:${value.last}`),
)

const RATE = /^([1-9]\d*)\/(second|minute|hour|day)$/
export const maybeRate = scalar<RateLimit | undefined>(
  'N/second, minute, hour or day',
  undefined,
  (text) => {
    const [, count, per] = RATE.exec(text) ?? fail('want N/second, N/minute, N/hour or N/day')
    const unit = per === 'second' || per === 'minute' || per === 'hour' ? per : 'day'
    return { count: Number(count), per: unit }
  },
  (value) => (value === undefined ? '' : `${value.count}/${value.per}`),
)

const protocol = oneOf('tcp', 'udp', 'sctp')
const FAILSAFE = /^(?:(?<proto>\w+):)?(?:\[(?<net6>[^\]]+)\]:|(?<net4>[0-9./]+):)?(?<port>\d{1,5})$/

/** `proto:port`, `proto:cidr:port` or `proto:[v6cidr]:port`; a bare port is TCP. */
function parseFailsafe(text: string): FailsafePort {
  const {
    proto = 'tcp',
    net6,
    net4,
    port: number = '',
  } = FAILSAFE.exec(text)?.groups ?? fail(`"${text}" is not proto:port or proto:net:port`)
  const net = net6 ?? net4
  return {
    protocol: protocol.text.parse(proto),
    port: readInt(0, 65535)(number),
    ...(net !== undefined && { net: parseCidr(net) }),
  }
}
const printFailsafe = ({ protocol: proto, net, port: number }: FailsafePort): string =>
  [proto, ...(net === undefined ? [] : [net.includes(':') ? `[${net}]` : net]), number].join(':')

export const failsafePorts = list<FailsafePort>('list of proto:port or proto:net:port', {
  parse: parseFailsafe,
  json: z
    .object({ protocol: protocol.json, port: intJson(0, 65535), net: parsed(parseCidr).optional() })
    .transform(({ net, ...rest }) => ({ ...rest, ...(net !== undefined && { net }) })),
  print: printFailsafe,
})

export interface HealthTimeout {
  readonly name: string
  readonly timeoutMs: number
}
export const healthTimeouts = list<HealthTimeout>('list of name=duration', {
  parse: (text) => {
    const [, name = '', value = ''] = /^([^=]+)=(.+)$/.exec(text) ?? fail(`"${text}" is not name=duration`)
    return { name: name.trim(), timeoutMs: parseDuration(value.trim()) }
  },
  json: z
    .object({ name: z.string(), timeout: parsed(parseDuration) })
    .transform(({ name, timeout }) => ({ name, timeoutMs: timeout })),
  print: ({ name, timeoutMs }) => `${name}=${printDuration(timeoutMs)}`,
})

export interface TableRange {
  readonly min: number
  readonly max: number
}
export const tableRanges = list<TableRange>('list of min-max', {
  parse: (text) => {
    const [, min, max] = /^(\d+)-(\d+)$/.exec(text) ?? fail(`"${text}" is not min-max`)
    return { min: Number(min), max: Number(max) }
  },
  json: z.object({ min: z.number().int(), max: z.number().int() }),
  print: ({ min, max }) => `${min}-${max}`,
})
