/**
 * Names of workload endpoints: four segments joined by `-`, in which every `-` of a segment is doubled.
 */
import { CalicoError } from '@calico-node/core'
import type { Problem } from '../schema/problem.ts'

/** What identifies a workload endpoint; which of workload, pod and containerID counts depends on the orchestrator. */
export interface WorkloadIdentity {
  readonly node?: string | undefined
  readonly orchestrator?: string | undefined
  readonly workload?: string | undefined
  readonly pod?: string | undefined
  readonly containerID?: string | undefined
  readonly endpoint?: string | undefined
}

export interface ParsedWorkloadName {
  readonly node: string
  readonly orchestrator: string
  /** Workload, pod or container. */
  readonly workload: string
  readonly endpoint: string
}

/** The fields that a name is made of, in order. */
function fieldsOf(orchestrator: string | undefined): readonly (keyof WorkloadIdentity)[] {
  switch (orchestrator) {
    case 'k8s':
      return ['node', 'orchestrator', 'pod', 'endpoint']
    case 'cni':
      return ['node', 'orchestrator', 'containerID', 'endpoint']
    case 'libnetwork':
      return ['node', 'orchestrator', 'orchestrator', 'endpoint']
    default:
      return ['node', 'orchestrator', 'workload', 'endpoint']
  }
}

/** The name that follows from a spec, or what in the spec stands in the way. */
export function expectedWorkloadName(identity: WorkloadIdentity): { name?: string; problems: Problem[] } {
  const problems: Problem[] = []
  const segments = fieldsOf(identity.orchestrator).map((field) => {
    const value = identity[field]
    if (value === undefined || value === '') {
      problems.push({ field: `spec.${field}`, value, reason: 'is required: the name is made of it' })
    } else if (value.startsWith('-') || value.endsWith('-')) {
      problems.push({ field: `spec.${field}`, value, reason: 'must not begin or end with "-"' })
    }
    return (value ?? '').replaceAll('-', '--')
  })
  return problems.length > 0 ? { problems } : { name: segments.join('-'), problems }
}

/** @throws INVALID when a needed part is missing or begins or ends with `-`. */
export function workloadEndpointName(identity: WorkloadIdentity): string {
  const { name, problems } = expectedWorkloadName(identity)
  if (name !== undefined) return name
  const list = problems.map(({ field, reason }) => `${field.slice('spec.'.length)} ${reason}`).join('; ')
  throw new CalicoError('INVALID', `Cannot name the workload endpoint: ${list}`, { context: { problems } })
}

/** Undefined unless the name has exactly four segments. */
export function findWorkloadEndpointName(name: string): ParsedWorkloadName | undefined {
  const parts: string[] = []
  let start = 0
  for (let at = 1; at < name.length; at++) {
    if (name[at] !== '-') continue
    if (name[at + 1] === '-') at++
    else {
      parts.push(name.slice(start, at))
      start = at + 1
    }
  }
  parts.push(name.slice(start))
  const [node, orchestrator, workload, endpoint] = parts.map((part) => part.replaceAll('--', '-'))
  if (parts.length !== 4 || !node || !orchestrator || !workload || !endpoint) return undefined
  return { node, orchestrator, workload, endpoint }
}

/** @throws INVALID */
export function parseWorkloadEndpointName(name: string): ParsedWorkloadName {
  const parsed = findWorkloadEndpointName(name)
  if (parsed !== undefined) return parsed
  throw new CalicoError(
    'INVALID',
    `Cannot parse workload endpoint name "${name}": want node-orchestrator-workload-endpoint`,
  )
}

/** What the names of a node's endpoints begin with. Those of other nodes may begin so, too: compare `spec.node`. */
export const workloadNamePrefix = (node: string): string => `${node.replaceAll('-', '--')}-`
