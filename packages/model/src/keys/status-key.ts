/** Where Felix reports. `<region>` is `no-region`, or `region-` and the name of an OpenStack region. */
const FELIX = '/calico/felix/v2'
const FELIX_V1 = '/calico/felix/v1/host'

export interface WorkloadStatusId {
  readonly orchestrator: string
  /** `<namespace>/<workload>`. */
  readonly workload: string
  readonly endpoint: string
}

const regionSegment = (region: string | undefined): string =>
  region === undefined || region === '' ? 'no-region' : `region-${region}`
const hostPrefix = (node: string, region?: string): string => `${FELIX}/${regionSegment(region)}/host/${node}`

/** Status of the Felix process; the value lives as long as its lease. */
export const felixStatusKey = (node: string, region?: string): string => `${hostPrefix(node, region)}/status`
/** The last status, kept. */
export const felixLastReportedStatusKey = (node: string, region?: string): string =>
  `${hostPrefix(node, region)}/last_reported_status`

export const workloadStatusPrefix = (node: string, region?: string): string => `${hostPrefix(node, region)}/workload/`
export const workloadStatusKey = (node: string, id: WorkloadStatusId, region?: string): string => {
  const { orchestrator, workload, endpoint } = id
  return `${workloadStatusPrefix(node, region)}${escape(orchestrator)}/${escape(workload)}/endpoint/${escape(endpoint)}`
}

/** Undefined for keys of other things. */
export function findWorkloadStatusKey(key: string): ({ node: string } & WorkloadStatusId) | undefined {
  const match = /^\/calico\/felix\/v2\/[^/]+\/host\/([^/]+)\/workload\/([^/]+)\/([^/]+)\/endpoint\/([^/]+)$/.exec(key)
  const [, node, orchestrator, workload, endpoint] = match ?? []
  if (node === undefined || orchestrator === undefined || workload === undefined || endpoint === undefined)
    return undefined
  return { node, orchestrator: unescape(orchestrator), workload: unescape(workload), endpoint: unescape(endpoint) }
}

export const hostEndpointStatusPrefix = (node: string): string => `${FELIX_V1}/${node}/endpoint/`
export const hostEndpointStatusKey = (node: string, endpoint: string): string =>
  `${hostEndpointStatusPrefix(node)}${escape(endpoint)}`

const escape = (text: string): string => text.replaceAll('%', '%25').replaceAll('/', '%2f')
const unescape = (text: string): string => text.replaceAll('%2f', '/').replaceAll('%25', '%')
