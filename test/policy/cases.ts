/**
 * The connectivity cases of policy-cases.json: one node with nine workloads (namespaces x, y, z with a, b, c each) and one
 * machine outside. Read here once, for the reference semantics and for the kernel alike.
 */
import { readFileSync } from 'node:fs'
import { makeResource, parseIp, parseResource, resourceKey, type Ip, type Resource } from '@calico-node/model'

export const NODE = 'n1'
export const NODE_IP = parseIp('10.0.0.1')
export const EXTERNAL_IP = parseIp('10.0.0.20')
export const POOL = '10.65.0.0/16'
const NAMESPACES = ['x', 'y', 'z']
const PODS = ['a', 'b', 'c']
/** `namespace/pod`. */
export const WORKLOADS: readonly string[] = NAMESPACES.flatMap((namespace) => PODS.map((pod) => `${namespace}/${pod}`))

export const workloadIp = (name: string): Ip => parseIp(`10.65.0.${10 + WORKLOADS.indexOf(name)}`)
export const interfaceOf = (name: string): string => `cali${name.replace('/', '')}`

export interface Case {
  readonly id: string
  readonly area: string
  readonly title: string
  readonly workloadOverrides?: Readonly<Record<string, Overrides>>
  readonly steps: readonly Step[]
}
interface Overrides {
  readonly labels?: Readonly<Record<string, string>>
  readonly ports?: readonly { name: string; protocol: 'TCP' | 'UDP'; port: number }[]
  readonly profiles?: readonly string[]
}
export interface Step {
  readonly apply?: readonly object[]
  readonly delete?: readonly { readonly kind: Resource['kind']; readonly name: string; readonly namespace?: string }[]
  readonly expect?: readonly Expect[]
  readonly probes?: readonly ProbeRow[]
}
interface Expect {
  readonly probe: string
  readonly default: Result
  readonly deny?: readonly (readonly [string, string])[]
  readonly allow?: readonly (readonly [string, string])[]
}
export type Result = 'allow' | 'deny'
interface ProbeRow {
  readonly from: string
  readonly to: string
  readonly probe: string
  readonly sport?: number
  readonly result: Result
}

/** One check: from and to are workloads, `node` or `ext`. */
export interface Check {
  readonly from: string
  readonly to: string
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  readonly port: number
  readonly sourcePort?: number
  readonly result: Result
}

export const CASES: readonly Case[] = JSON.parse(
  readFileSync(new URL('./policy-cases.json', import.meta.url), 'utf8'),
).cases

const DEFAULT_PORTS = (['TCP', 'UDP'] as const).flatMap((protocol) =>
  [80, 81].map((port) => ({ name: `serve-${port}-${protocol.toLowerCase()}`, protocol, port })),
)

/** The resources that every case starts from. */
export function fixture(overrides: Case['workloadOverrides'] = {}): Resource[] {
  const allow = [{ action: 'Allow' as const }]
  const profiles = NAMESPACES.map((name) =>
    makeResource(
      'Profile',
      { name: `kns.${name}` },
      {
        labelsToApply: { 'pcns.projectcalico.org/name': name, 'pcns.ns': name },
        ingress: allow,
        egress: allow,
      },
    ),
  )
  const workloads = WORKLOADS.map((workload) => {
    const [namespace = '', pod = ''] = workload.split('/')
    const extra = overrides[workload] ?? {}
    return makeResource(
      'WorkloadEndpoint',
      {
        namespace,
        labels: {
          pod,
          'projectcalico.org/namespace': namespace,
          'projectcalico.org/orchestrator': 'test',
          ...extra.labels,
        },
      },
      {
        orchestrator: 'test',
        workload: `${namespace}-${pod}`,
        node: NODE,
        endpoint: 'eth0',
        interfaceName: interfaceOf(workload),
        ipNetworks: [`${workloadIp(workload)}/32`],
        profiles: [...(extra.profiles ?? [`kns.${namespace}`])],
        ports: [...DEFAULT_PORTS, ...(extra.ports ?? [])],
      },
    )
  })
  return [
    makeResource('Tier', { name: 'default' }, { order: 1_000_000 }),
    makeResource('IPPool', { name: 'pool' }, { cidr: POOL, natOutgoing: true }),
    ...profiles,
    ...workloads,
  ]
}

/** The resources after a step, given those before it. */
export function afterStep(before: readonly Resource[], step: Step): Resource[] {
  const byKey = new Map(before.map((resource) => [keyOf(resource), resource]))
  for (const document of step.apply ?? []) {
    const resource = parseResource(JSON.parse(substitute(JSON.stringify(document))))
    byKey.set(keyOf(resource), resource)
  }
  for (const { kind, name, namespace } of step.delete ?? []) byKey.delete(resourceKey(kind, name, namespace))
  return [...byKey.values()]
}

export const keyOf = ({ kind, metadata }: Resource): string => resourceKey(kind, metadata.name, metadata.namespace)

const substitute = (text: string): string =>
  text.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) =>
    name === 'node' ? NODE_IP : name === 'ext' ? EXTERNAL_IP : name === 'pool' ? POOL : workloadIp(name),
  )

/** Everything that a step says about connectivity, one pair at a time. */
export function checksOf(step: Step): Check[] {
  const matrix = (step.expect ?? []).flatMap((expect) =>
    WORKLOADS.flatMap((from) =>
      WORKLOADS.filter((to) => to !== from).map((to) => ({
        from,
        to,
        ...probeOf(expect.probe),
        result: resultOf(expect, from, to),
      })),
    ),
  )
  const single = (step.probes ?? []).map(({ from, to, probe, sport, result }) => ({
    from: from.replace(/^node:.*/, 'node'),
    to: to.replace(/^node:.*/, 'node'),
    ...probeOf(probe),
    result,
    ...(sport === undefined ? {} : { sourcePort: sport }),
  }))
  return [...matrix, ...single]
}

function probeOf(text: string): Pick<Check, 'protocol' | 'port'> {
  const [protocol = '', port = '0'] = text.split('/')
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'icmp') throw new RangeError(`Unknown probe ${text}`)
  return { protocol, port: Number(port) }
}

function resultOf(expect: Expect, from: string, to: string): Result {
  const listed = (pairs: Expect['deny']): boolean => (pairs ?? []).some(([f, t]) => matches(f, from) && matches(t, to))
  if (listed(expect.allow)) return 'allow'
  return listed(expect.deny) ? 'deny' : expect.default
}

/** `*` stands for a whole name, or for a part of it beside the slash. */
function matches(pattern: string, name: string): boolean {
  const [namespace, pod] = pattern === '*' ? ['*', '*'] : pattern.split('/')
  const [ns, p] = name.split('/')
  return (namespace === '*' || namespace === ns) && (pod === '*' || pod === p)
}
