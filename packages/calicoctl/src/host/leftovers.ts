/** What a clean-up would remove, in words. Pure. */
import type { Leftovers } from '@calico-node/linux'

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** One line an object; chains and sets, of which there may be thousands, are counted. */
export function leftoverLines({ tables, sets, routes, devices, tunnelAddresses, workloads }: Leftovers): string[] {
  return [
    ...tables.map(
      ({ variant, ipVersion, table, chains, hookRules }) =>
        `table ${table} of ${ipVersion === 6 ? 'ip6tables' : 'iptables'}-${variant}: ${count(chains.length, 'chain')}, ` +
        `${count(hookRules, 'rule')} in chains of others`,
    ),
    ...(sets.length === 0 ? [] : [`${count(sets.length, 'IP set')}: ${shortened(sets)}`]),
    ...workloads.map((name) => `interface ${name}`),
    ...routes.map(({ dst, dev, via }) =>
      ['route', dst, ...(via === undefined ? [] : ['via', via]), ...(dev === undefined ? [] : ['dev', dev])].join(' '),
    ),
    ...devices.map((name) => `device ${name}`),
    ...tunnelAddresses.map(({ ip, prefixLength, dev }) => `address ${ip}/${prefixLength} of ${dev}`),
  ]
}

const SHOWN = 3
const shortened = (names: readonly string[]): string =>
  [...names.slice(0, SHOWN), ...(names.length > SHOWN ? ['...'] : [])].join(', ')
