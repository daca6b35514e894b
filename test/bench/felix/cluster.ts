/** A cluster as large as asked for, as one of its nodes sees it. */
import { makeResource, type Resource, type SpecInput } from '@calico-node/model'

export interface ClusterSize {
  /** Workloads of the whole cluster, of this node, and policies. */
  readonly endpoints: number
  readonly local: number
  readonly policies: number
}

export const NODE = 'here'
const NODES = 200
const TEAMS = 20
const POLICIES_OF_APP = 5
const ALLOW = [{ action: 'Allow' as const }]
const numbered = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))

export interface WorkloadInput {
  readonly node?: string
  readonly interfaceName: string
  readonly ips: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

export const workload = (name: string, { node = NODE, interfaceName, ips, labels }: WorkloadInput): Resource =>
  makeResource(
    'WorkloadEndpoint',
    {
      namespace: 'default',
      labels: { ...labels, 'projectcalico.org/namespace': 'default', 'projectcalico.org/orchestrator': 'bench' },
    },
    {
      orchestrator: 'bench',
      workload: name,
      endpoint: 'eth0',
      node,
      interfaceName,
      ipNetworks: ips.map((ip) => `${ip}/${ip.includes(':') ? 128 : 32}`),
      profiles: ['open'],
    },
  )

export const policy = (name: string, spec: SpecInput<'GlobalNetworkPolicy'>): Resource =>
  makeResource('GlobalNetworkPolicy', { name }, spec)

/**
 * Workloads are replicas of apps. Five policies choose each app, and each of them lets two others in. Interfaces of the local
 * ones need not exist.
 */
export function cluster({ endpoints, local, policies }: ClusterSize): Resource[] {
  const apps = Math.ceil(policies / POLICIES_OF_APP)
  const app = (at: number): string => `app-${at % apps}`
  return [
    makeResource('Tier', { name: 'default' }, { order: 1_000_000 }),
    makeResource('Profile', { name: 'open' }, { ingress: ALLOW, egress: ALLOW }),
    ...numbered(endpoints, (at) =>
      workload(`w${at}`, {
        node: at < local ? NODE : `node-${at % NODES}`,
        interfaceName: interfaceName(at),
        ips: [`10.${100 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`],
        labels: { app: app(at), team: `team-${at % TEAMS}`, release: `r${at % 7}` },
      }),
    ),
    ...numbered(policies, (at) =>
      policy(`app-${at}`, {
        selector: `app == '${app(at)}'`,
        order: at % 50,
        types: ['Ingress'],
        ingress: [
          {
            action: 'Allow',
            protocol: 'TCP',
            source: { selector: `app in {'${app(at + 1)}', '${app(at * 7)}'} && release != 'r3'` },
            destination: { ports: [80, 443 + at] },
          },
          { action: 'Allow', source: { selector: `team == 'team-${at % TEAMS}' && app == '${app(at + 3)}'` } },
        ],
      }),
    ),
  ]
}

/** Spread as names made of hashes are. */
const interfaceName = (at: number): string =>
  `cali${(Math.imul(at + 1, 0x9e37_79b1) >>> 0).toString(16).padStart(8, '0')}`
