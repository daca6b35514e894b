/** The names that follow from what a workload is. Pure, but for the random part of a MAC address. */
import { createHash, randomBytes } from 'node:crypto'
import { parseMac, workloadEndpointName, type Mac, type NodeName } from '@calico-node/model'

/** What identifies an endpoint. */
export interface WorkloadId {
  readonly node: NodeName
  /** docker, namespace, cni, libnetwork, k8s, ... */
  readonly orchestrator: string
  /** Container, pod or whatever the orchestrator calls it. */
  readonly workload: string
  readonly namespace: string
  /** Default: 32 hexadecimal digits that follow from the rest, for workloads with one endpoint. */
  readonly endpoint?: string | undefined
}

/** The MAC of every host end: workloads then keep their neighbour entry when the host end is made anew. */
export const HOST_MAC: Mac = parseMac('ee:ee:ee:ee:ee:ee')

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/**
 * The endpoint's name. It is not random, so that somebody who knows the workload finds the host interface of an attempt
 * that died half-way.
 */
export const endpointOf = ({ orchestrator, namespace, workload, endpoint }: WorkloadId): string =>
  endpoint ?? digest(`${orchestrator}/${namespace}/${workload}`).slice(0, 32)

/** Name of the host's end of the veth pair. */
export const hostInterfaceOf = (endpoint: string): string => `cali${endpoint.slice(0, 11)}`

/** Under which the addresses of the workload stand in IPAM, unless the caller has a name of its own. */
export const handleOf = ({ orchestrator, workload }: WorkloadId): string => `${orchestrator}.${workload}`

/** The fields of the spec that say whose endpoint it is; each orchestrator has a field of its own. */
export function identityFields(id: WorkloadId): {
  readonly node: NodeName
  readonly orchestrator: string
  readonly endpoint: string
  readonly workload?: string
  readonly containerID?: string
  readonly pod?: string
} {
  const common = { node: id.node, orchestrator: id.orchestrator, endpoint: endpointOf(id) }
  if (id.orchestrator === 'cni') return { ...common, containerID: id.workload }
  return id.orchestrator === 'k8s' ? { ...common, pod: id.workload } : { ...common, workload: id.workload }
}

export const endpointNameOf = (id: WorkloadId): string => workloadEndpointName(identityFields(id))

/** A unicast address that no manufacturer has given out. */
export function randomMac(): Mac {
  const [first = 0, ...rest] = randomBytes(6)
  const bytes = [(first & 0xfc) | 0x02, ...rest]
  return parseMac(bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':'))
}
