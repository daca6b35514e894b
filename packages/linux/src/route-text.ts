/** Routes as the words of `ip route replace` and `ip route delete`, and compared with what the kernel says it has. Pure. */
import type { KernelRoute } from './ip-json.ts'
import type { Route } from './ports.ts'

const RTN_UNICAST = 1
const RTN_BLACKHOLE = 6
const RT_SCOPE_GLOBAL = 0
const RT_SCOPE_LINK = 253
/** Types other than unicast, by the word that `ip` has for them. */
const TYPE_WORDS = new Map([
  [2, 'local'],
  [RTN_BLACKHOLE, 'blackhole'],
  [7, 'unreachable'],
  [8, 'prohibit'],
  [9, 'throw'],
])

const isIpv6 = (dst: string): boolean => dst.includes(':')

/** The metric that the kernel gives a route that names none. */
const metricOf = ({ dst, metric }: Pick<Route, 'dst' | 'metric'>): number => metric ?? (isIpv6(dst) ? 1024 : 0)

/** Every property, so that `replace` leaves nothing of an earlier route. */
export function routeWords(route: Route): string[] {
  const { dst, kind, dev, via, onlink = false, scope, protocol, src, mtu } = route
  return [
    ...(kind === 'blackhole' ? ['blackhole'] : []),
    dst,
    ...(via === undefined ? [] : ['via', via]),
    ...(dev === undefined ? [] : ['dev', dev]),
    'proto',
    String(protocol),
    ...metricWords(metricOf(route)),
    ...(kind === 'blackhole' || isIpv6(dst) ? [] : ['scope', scope]), // IPv6 has no scopes
    ...(src === undefined ? [] : ['src', src]),
    ...(onlink ? ['onlink'] : []),
    ...(mtu === undefined ? [] : ['mtu', String(mtu)]),
  ]
}

/** Names this route and no other of the same destination. */
export function removalWords({ dst, type, dev, via, protocol, metric, multipath }: KernelRoute): string[] {
  const word = TYPE_WORDS.get(type)
  const nextHop =
    multipath || word !== undefined
      ? []
      : [...(via === undefined ? [] : ['via', via]), ...(dev === undefined ? [] : ['dev', dev])]
  return [...(word === undefined ? [] : [word]), dst, ...nextHop, 'proto', String(protocol), ...metricWords(metric)]
}

const metricWords = (metric: number): string[] => (metric === 0 ? [] : ['metric', String(metric)])

/** Whether `replace` of the wanted route takes the place of the kernel's. */
export const sameSlot = (wanted: Route, have: KernelRoute): boolean => metricOf(wanted) === have.metric

/** Whether nothing has to be written. */
export function matchesKernel(wanted: Route, have: KernelRoute): boolean {
  const want = asKernel(wanted)
  const device = wanted.kind === 'blackhole' || want.dev === have.dev // IPv6 blackholes show the loopback device
  const scope = isIpv6(wanted.dst) || want.scope === have.scope
  return (
    device &&
    scope &&
    !have.multipath &&
    want.type === have.type &&
    want.via === have.via &&
    want.onlink === have.onlink &&
    want.protocol === have.protocol &&
    want.src === have.src &&
    want.metric === have.metric &&
    want.mtu === have.mtu
  )
}

/** The wanted route as the kernel will show it. */
export function asKernel(route: Route): KernelRoute {
  const { dst, kind, dev, via, onlink = false, scope, protocol, src, mtu } = route
  return {
    dst,
    type: kind === 'blackhole' ? RTN_BLACKHOLE : RTN_UNICAST,
    onlink,
    protocol,
    scope: scope === 'link' && kind !== 'blackhole' ? RT_SCOPE_LINK : RT_SCOPE_GLOBAL,
    metric: metricOf(route),
    multipath: false,
    ...(dev !== undefined && { dev }),
    ...(via !== undefined && { via }),
    ...(src !== undefined && { src }),
    ...(mtu !== undefined && { mtu }),
  }
}
