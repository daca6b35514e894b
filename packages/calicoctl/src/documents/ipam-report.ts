/** The report that `ipam check -o` writes and `ipam release --from-report` reads. */
import { readFileSync } from 'node:fs'
import { CalicoError, messageOf } from '@calico-node/core'
import type { IpamReport } from '@calico-node/ipam'
import { type ClusterInformationResource, findIp, type Ip } from '@calico-node/model'

export interface ReportedAllocation {
  readonly ip: Ip
  readonly handle?: string
  readonly sequence?: bigint
  readonly inUse: boolean
}

export interface CheckReport {
  readonly clusterGuid: string
  readonly clusterRevision: string
  readonly allocations: readonly ReportedAllocation[]
  readonly leakedHandles: readonly { readonly handle: string; readonly modRevision: bigint }[]
}

/** The report as JSON text; sequence numbers are text because they do not fit a JSON number. */
export function printReport(
  report: IpamReport,
  cluster: ClusterInformationResource | undefined,
  version: string,
): string {
  const allocations = Object.groupBy(
    report.allocations.map(({ ip, handle, attributes, sequence, users, borrowed }) => ({
      ip,
      handle: handle ?? '',
      sequenceNumber: sequence === undefined ? '' : String(sequence),
      pod: attributes['pod'] ?? '',
      namespace: attributes['namespace'] ?? '',
      node: attributes['node'] ?? '',
      type: attributes['type'] ?? '',
      creationTimestamp: attributes['timestamp'] ?? '',
      inUse: users.length > 0,
      borrowed,
      coolingDown: false,
      owners: users,
    })),
    ({ ip }) => ip,
  )
  return `${JSON.stringify(
    {
      version,
      clusterGUID: cluster?.spec.clusterGUID ?? '',
      datastoreLocked: cluster?.spec.datastoreReady === false,
      clusterInformationRevision: cluster?.metadata.resourceVersion ?? '',
      clusterType: cluster?.spec.clusterType ?? '',
      allocations,
      leakedHandles: report.leakedHandles.map(({ handle, modRevision }) => ({
        ID: handle,
        Revision: String(modRevision),
        UID: null,
      })),
      problems: report.problems,
    },
    undefined,
    2,
  )}\n`
}

type Fields = Readonly<Record<string, unknown>>
const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const records = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isRecord) : [])
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const bigintOf = (value: unknown): bigint | undefined =>
  typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) : undefined

function allocationOf(entry: Fields): ReportedAllocation[] {
  const ip = typeof entry['ip'] === 'string' ? findIp(entry['ip']) : undefined
  if (ip === undefined) return []
  const sequence = bigintOf(entry['sequenceNumber'])
  const handle = entry['handle']
  return [
    {
      ip,
      inUse: entry['inUse'] !== false,
      ...(sequence !== undefined && { sequence }),
      ...(typeof handle === 'string' && handle !== '' && { handle }),
    },
  ]
}

/** @throws INVALID for a file that is no report */
export function readReport(path: string): CheckReport {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (err) {
    throw new CalicoError('INVALID', `Cannot read report ${path}: ${messageOf(err)}`, { cause: err })
  }
  if (!isRecord(json) || !isRecord(json['allocations']))
    throw new CalicoError('INVALID', `${path} is no report of "calicoctl ipam check -o"`)
  return {
    clusterGuid: textOf(json['clusterGUID']),
    clusterRevision: textOf(json['clusterInformationRevision']),
    allocations: Object.values(json['allocations']).flatMap(records).flatMap(allocationOf),
    leakedHandles: records(json['leakedHandles']).flatMap(({ ID: handle, Revision: revision }) => {
      const modRevision = bigintOf(revision)
      return typeof handle === 'string' && modRevision !== undefined ? [{ handle, modRevision }] : []
    }),
  }
}

/** Allocations that every report calls unused, as the first one has them. Pure. */
export function unusedInAll([first, ...others]: readonly CheckReport[]): ReportedAllocation[] {
  const unused = (report: CheckReport): ReadonlySet<string> =>
    new Set(report.allocations.filter(({ inUse }) => !inUse).map(({ ip, sequence }) => `${ip} ${sequence ?? ''}`))
  const rest = others.map(unused)
  return (first?.allocations ?? []).filter(
    ({ ip, sequence, inUse }) => !inUse && rest.every((set) => set.has(`${ip} ${sequence ?? ''}`)),
  )
}
