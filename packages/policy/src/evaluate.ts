/**
 * What the resources say about the first packet of a flow on one host: a pure function, the reference that the data plane is
 * held against. It shares nothing with Felix but the model.
 *
 *   from outside:  untracked in -> pre-DNAT in -> host in                         (to the host)
 *                                              -> forward in -> workload in       (to a workload)
 *                                              -> forward in -> forward out       (to outside)
 *   from a workload: workload out -> to-host action | workload in | forward out
 *   from the host:   untracked out -> host out                                   (to outside; workloads are always reachable)
 */
import { cidrContains, type Cidr, type Ip } from '@calico-node/model'
import type { Packet, Place } from './packet.ts'
import { applyingTiers, type Direction, evaluateStage } from './stage.ts'
import type { Stage, Verdict } from './verdict.ts'
import type { Endpoint, World } from './world.ts'

/** A port that host endpoint policy never closes. `net` is the other side. */
export interface Failsafe {
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly port: number
  readonly net?: Cidr
}

export interface HostFacts {
  /** The node that is asked. */
  readonly node: string
  /** Addresses of the host's interfaces, for host endpoints without an interface name. */
  readonly interfaces: ReadonlyMap<string, readonly Ip[]>
  readonly endpointToHostAction: 'Drop' | 'Return' | 'Accept'
  readonly failsafeInbound: readonly Failsafe[]
  readonly failsafeOutbound: readonly Failsafe[]
  /** UDP port of VXLAN, which workloads may not send to. */
  readonly vxlanPort: number
}

export interface Question {
  readonly world: World
  readonly host: HostFacts
  readonly packet: Packet
  readonly from: Place
  readonly to: Place
}

export function evaluate(question: Question): Verdict {
  const stages: Stage[] = []
  for (const stage of stagesOf(question)) {
    stages.push(stage)
    if (stage.action === 'deny') return { action: 'deny', stages }
  }
  return { action: 'allow', stages }
}

function* stagesOf(question: Question): Iterable<Stage> {
  const { from, to, host } = question
  let accepted = false
  if (from.kind === 'workload') {
    yield* hostStage(question, 'host-pre-dnat', 'ingress', undefined)
    yield workloadEgress(question, from.endpoint)
  } else if (from.kind === 'outside') {
    for (const kind of ['host-untracked', 'host-pre-dnat'] as const) {
      for (const stage of hostStage(question, kind, 'ingress', from.interfaceName)) {
        yield stage
        accepted ||= stage.action === 'allow'
      }
      if (accepted) break
    }
  }
  if (to.kind === 'host') {
    if (from.kind === 'workload') yield toHost(from.endpoint, host.endpointToHostAction)
    else if (from.kind === 'outside' && !accepted) yield* hostStage(question, 'host', 'ingress', from.interfaceName)
    return
  }
  if (from.kind === 'outside' && !accepted) yield* hostStage(question, 'host-forward', 'ingress', from.interfaceName)
  if (to.kind === 'workload') {
    if (from.kind === 'host')
      yield unrestricted(to.endpoint, 'ingress', 'workload', 'a host may always reach its own workloads')
    else
      yield evaluateStage({
        ...question,
        endpoint: endpointNamed(question.world, to.endpoint),
        direction: 'ingress',
        kind: 'workload',
      })
    return
  }
  if (from.kind === 'host') {
    let untracked = false
    for (const stage of hostStage(question, 'host-untracked', 'egress', to.interfaceName)) {
      yield stage
      untracked = stage.action === 'allow'
    }
    if (!untracked) yield* hostStage(question, 'host', 'egress', to.interfaceName)
  } else if (!accepted) {
    yield* hostStage(question, 'host-forward', 'egress', to.interfaceName)
  }
}

const unrestricted = (endpoint: string, direction: Direction, kind: Stage['kind'], why: string): Stage => ({
  endpoint,
  direction,
  kind,
  action: 'continue',
  decision: { kind: 'unrestricted', why },
  steps: [],
})

function toHost(endpoint: string, action: HostFacts['endpointToHostAction']): Stage {
  const decision = { kind: 'endpoint-to-host-action', action } as const
  return {
    endpoint,
    direction: 'egress',
    kind: 'workload',
    action: action === 'Drop' ? 'deny' : 'continue',
    decision,
    steps: [],
  }
}

function endpointNamed(world: World, name: string): Endpoint {
  const found = world.endpoints.find((endpoint) => endpoint.kind === 'workload' && endpoint.name === name)
  if (found === undefined) throw new RangeError(`Cannot evaluate: there is no workload endpoint ${name}`)
  return found
}

function workloadEgress(question: Question, name: string): Stage {
  const { world, packet, host } = question
  const endpoint = endpointNamed(world, name)
  const refuse = (kind: 'spoofed-source' | 'encapsulated'): Stage => ({
    endpoint: name,
    direction: 'egress',
    kind: 'workload',
    action: 'deny',
    decision: { kind },
    steps: [],
  })
  if (!endpoint.nets.some((net) => cidrContains(net, packet.source))) return refuse('spoofed-source')
  if (packet.protocol === 4 || (packet.protocol === 17 && packet.destinationPort === host.vxlanPort))
    return refuse('encapsulated')
  return evaluateStage({ ...question, endpoint, direction: 'egress', kind: 'workload' })
}

/** The host endpoint that governs an interface: by name or by address the first by name, else the first `*`. */
function hostEndpointOf({ world, host }: Question, interfaceName: string | undefined): Endpoint | undefined {
  const ours = world.endpoints
    .filter((endpoint) => endpoint.kind === 'host' && endpoint.node === host.node)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const addresses = interfaceName === undefined ? [] : (host.interfaces.get(interfaceName) ?? [])
  const specific = ours.find((endpoint) =>
    endpoint.interfaceName === undefined
      ? endpoint.nets.some((net) => addresses.some((ip) => cidrContains(net, ip)))
      : endpoint.interfaceName === interfaceName,
  )
  return specific ?? ours.find((endpoint) => endpoint.interfaceName === '*')
}

/** The stage of the host endpoint that governs the interface, if there is one and it has anything to say. */
function* hostStage(
  question: Question,
  kind: Exclude<Stage['kind'], 'workload'>,
  direction: Direction,
  interfaceName: string | undefined,
): Iterable<Stage> {
  const endpoint = hostEndpointOf(question, interfaceName)
  if (endpoint === undefined) return
  if (kind === 'host-untracked' && endpoint.interfaceName === '*') return
  const tiers = applyingTiers({ ...question, endpoint, direction, kind })
  if (kind !== 'host' && tiers.length === 0) return
  const failsafe = kind === 'host-forward' ? undefined : failsafeFor(question, direction, kind === 'host-untracked')
  if (failsafe !== undefined) {
    const decision = { kind: 'failsafe', protocol: failsafe.protocol, port: failsafe.port } as const
    yield { endpoint: endpoint.name, direction, kind, action: 'allow', decision, steps: [] }
    return
  }
  yield evaluateStage({ ...question, endpoint, direction, kind })
}

const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const

/** Untracked policy has no connection tracking, so there replies of the other direction's failsafes count, too. */
function failsafeFor({ packet, host }: Question, direction: Direction, withReplies: boolean): Failsafe | undefined {
  const [own, other] =
    direction === 'ingress'
      ? [host.failsafeInbound, host.failsafeOutbound]
      : [host.failsafeOutbound, host.failsafeInbound]
  const remote = direction === 'ingress' ? packet.source : packet.destination
  const hit =
    (port: number | undefined) =>
    (entry: Failsafe): boolean =>
      NUMBERS[entry.protocol] === packet.protocol &&
      entry.port === port &&
      (entry.net === undefined || cidrContains(entry.net, remote))
  return own.find(hit(packet.destinationPort)) ?? (withReplies ? other.find(hit(packet.sourcePort)) : undefined)
}
