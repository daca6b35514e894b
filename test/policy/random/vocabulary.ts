/** The few words and numbers that random resources and packets share, so that they meet often. */
import { type Ip, parseIp } from '@calico-node/model'
import { addressesOf, interfaceOf } from '../kernel/scene.ts'
import { HOST_IPS } from '../kernel/wires.ts'
import type { Random } from './random.ts'

export const WORKLOADS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const
export const INTERFACES = WORKLOADS.map(interfaceOf)
/** Workloads of another node. */
export const REMOTE_IPS: readonly Ip[] = [1, 2, 3].flatMap((n) => [parseIp(`10.66.0.${n}`), parseIp(`fd00:66::${n}`)])
export const LOCAL_IPS: readonly Ip[] = WORKLOADS.flatMap(addressesOf)
const FAR_IPS = ['203.0.113.5', '203.0.113.200', '198.51.100.7', '2001:db8::5', '2001:db8:1::7', '2a00::1'].map(parseIp)
export const OUTSIDE_IPS: readonly Ip[] = [...FAR_IPS, ...REMOTE_IPS]

export const NETS: Readonly<Record<4 | 6, readonly string[]>> = {
  4: [
    '0.0.0.0/0',
    '10.0.0.0/8',
    '10.65.0.0/16',
    '10.65.0.0/30',
    '10.65.0.4/30',
    '10.65.0.2/31',
    '10.65.0.1/32',
    '10.65.0.3/32',
    '10.65.0.5/32',
    '10.66.0.0/16',
    '10.66.0.1/32',
    '203.0.113.0/24',
    '203.0.113.0/25',
    '203.0.113.5/32',
    '198.51.100.0/24',
    '128.0.0.0/1',
    '172.16.0.0/12',
    `${HOST_IPS[0]}/32`,
  ],
  6: [
    '::/0',
    'fd00::/8',
    'fd00:65::/32',
    'fd00:65::/126',
    'fd00:65::4/126',
    'fd00:65::1/128',
    'fd00:65::3/128',
    'fd00:66::/32',
    'fd00:66::1/128',
    '2001:db8::/32',
    '2001:db8::/48',
    '2001:db8::5/128',
    '8000::/1',
    '2a00::/16',
    `${HOST_IPS[1]}/128`,
  ],
}

export const PORTS = [22, 53, 68, 80, 81, 443, 1000, 1024, 1999, 2000, 4789, 8080, 40_000, 65_535] as const
export const RANGES = ['22:53', '80:81', '80:443', '1000:1999', '1:1023', '1024:65535', '2000:2001', '0:65535'] as const
export const PORT_NAMES = ['web', 'dns', 'sig', 'api'] as const
/** Of no name in rules; some have no ports. */
export const OTHER_PROTOCOLS = [4, 89, 99, 112] as const
export const ICMP_TYPES = { 4: [8, 13, 15, 17], 6: [128, 139] } as const

export const NAMESPACES = ['red', 'green', 'blue'] as const
export const ACCOUNTS = ['buyer', 'seller'] as const
const LABELS = { app: ['client', 'server', 'cache'], env: ['prod', 'dev'], rank: ['high', 'low'] } as const
export type LabelName = keyof typeof LABELS
const LABEL_NAMES = ['app', 'env', 'rank'] as const satisfies readonly LabelName[]

export const labels = (random: Random): Record<string, string> =>
  Object.fromEntries(random.some(random.below(4), LABEL_NAMES).map((name) => [name, random.pick<string>(LABELS[name])]))

/** A selector over the labels; `depth` bounds how far it nests. */
export function selector(random: Random, depth = 2): string {
  const name = random.pick(LABEL_NAMES)
  const value = (): string => `'${random.pick<string>(LABELS[name])}'`
  const deeper = (): string => selector(random, depth - 1)
  const leaf = random.weighted<() => string>(
    [5, () => `${name} == ${value()}`],
    [3, () => `${name} != ${value()}`],
    [3, () => `has(${name})`],
    [2, () => `!has(${name})`],
    [2, () => `${name} in {${value()}, ${value()}}`],
    [2, () => `${name} not in {${value()}}`],
    [1, () => `${name} contains 'e'`],
    [1, () => `${name} starts with '${random.pick(['c', 's', 'p', 'hi'])}'`],
    [1, () => `${name} ends with '${random.pick(['r', 'd', 'ent'])}'`],
    [3, () => 'all()'],
  )
  if (depth === 0) return leaf()
  return random.weighted<() => string>(
    [7, leaf],
    [1, () => `(${deeper()}) && (${deeper()})`],
    [1, () => `${deeper()} || ${deeper()}`],
    [1, () => `!(${deeper()})`],
  )()
}
