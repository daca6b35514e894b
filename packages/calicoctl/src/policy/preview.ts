/** Which connections change their verdict when resources change. Pure. */
import { ipVersion, parseIp, type AnyResource, type RuleSpec } from '@calico-node/model'
import { World } from '@calico-node/policy'
import { judge, type End, type Flow, type Surroundings } from './connection.ts'
import { endpointsOf, endsOf, hostEnds, outsideEnd, type Live } from './live.ts'

/** A kind of connection to try between all endpoints. */
export interface Probe {
  readonly protocol: number
  readonly port?: number
}

export interface Change {
  readonly flow: Flow
  readonly before: 'allow' | 'deny'
  readonly after: 'allow' | 'deny'
}

export interface Preview {
  readonly changes: readonly Change[]
  /** Connections that were tried. */
  readonly tried: number
}

const PROTOCOLS: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132, UDPLite: 136 }

function rulesOf(resource: AnyResource): readonly RuleSpec[] {
  switch (resource.kind) {
    case 'GlobalNetworkPolicy':
    case 'NetworkPolicy':
    case 'Profile':
      return [...(resource.spec.ingress ?? []), ...(resource.spec.egress ?? [])]
    default:
      return []
  }
}

const firstPort = (port: number | string): number => Number(String(port).split(':', 1)[0])

/** A ping, a TCP and a UDP connection to a port that no rule names, and one to each port that a rule names. */
export function probesOf(resources: readonly AnyResource[]): Probe[] {
  const named = resources.flatMap(rulesOf).flatMap(({ protocol, destination }): Probe[] => {
    const number = typeof protocol === 'number' ? protocol : PROTOCOLS[protocol ?? 'TCP']
    if (number === undefined) return []
    return [...(destination?.ports ?? []), ...(destination?.notPorts ?? [])]
      .map(firstPort)
      .filter(Number.isInteger)
      .map((port) => ({ protocol: number, port }))
  })
  const usual: Probe[] = [
    { protocol: 1 },
    { protocol: 6, port: unnamedPort(named) },
    { protocol: 17, port: unnamedPort(named) },
  ]
  const unique = new Map([...usual, ...named].map((probe) => [`${probe.protocol} ${probe.port ?? ''}`, probe]))
  return [...unique.values()]
}

function unnamedPort(named: readonly Probe[]): number {
  let port = 40_000
  while (named.some((probe) => probe.port === port)) port++
  return port
}

const keyOf = ({ kind, metadata }: AnyResource): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`

/** The resources as they would be after `apply`. */
export function withChanges(resources: readonly AnyResource[], changed: readonly AnyResource[]): AnyResource[] {
  return [...new Map([...resources, ...changed].map((resource) => [keyOf(resource), resource])).values()]
}

/** Nobody is asked for connections with itself. */
const placeOf = ({ endpoint, node }: End): string => endpoint ?? node ?? 'outside'

function flowOf(from: End, to: End, { protocol, port }: Probe): Flow {
  if (protocol !== 1)
    return { from, to, protocol, ...(port !== undefined && { destinationPort: port, sourcePort: 50_000 }) }
  return ipVersion(from.ip) === 4
    ? { from, to, protocol: 1, icmp: { type: 8, code: 0 } }
    : { from, to, protocol: 58, icmp: { type: 128, code: 0 } }
}

/** Addresses of documentation, which nobody has. */
const OUTSIDE = [parseIp('192.0.2.1'), parseIp('2001:db8::1')]

/** Between whom connections are tried: workloads, the nodes that have host endpoints, and somebody outside. */
function endsToTry(live: Live, changed: readonly AnyResource[]): End[] {
  const guarded = new Set<string>(
    [...live.resources, ...changed].flatMap((item) => (item.kind === 'HostEndpoint' ? [item.spec.node] : [])),
  )
  const hosts = live.nodes.filter(({ metadata }) => guarded.has(metadata.name)).flatMap(hostEnds)
  return [...endpointsOf(live).flatMap(endsOf), ...hosts, ...OUTSIDE.map(outsideEnd)]
}

/** Tries every probe between every two ends of one address family, before and after. */
export function previewChanges(live: Live, changed: readonly AnyResource[], surroundings: Surroundings): Preview {
  const after = withChanges(live.resources, changed)
  const [worldBefore, worldAfter] = [new World(live.resources), new World(after)]
  const probes = probesOf([...live.resources, ...changed])
  const ends = endsToTry(live, changed)
  const changes: Change[] = []
  let tried = 0
  for (const from of ends) {
    for (const to of ends) {
      if (placeOf(from) === placeOf(to) || ipVersion(from.ip) !== ipVersion(to.ip)) continue
      for (const probe of probes) {
        const flow = flowOf(from, to, probe)
        const [was, is] = [judge(worldBefore, flow, surroundings).action, judge(worldAfter, flow, surroundings).action]
        tried++
        if (was !== is) changes.push({ flow, before: was, after: is })
      }
    }
  }
  return { changes, tried }
}
