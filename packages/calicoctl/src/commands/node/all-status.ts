/** What Felix of every node said to the datastore: one line a node, and what somebody should mend, once for all nodes. */
import { CalicoError } from '@calico-node/core'
import type { CalicoClient, KvStore } from '@calico-node/datastore'
import {
  decodeHostReport,
  felixLastReportedStatusKey,
  felixStatusKey,
  HOST_REPORT_PREFIX,
  type HostReport,
  isStaleReport,
} from '@calico-node/model'
import type { Outcome } from '../../cli/command.ts'
import { type Block, line, paragraph } from '../../output/block.ts'

/** What the datastore holds of a node. */
export interface NodeRecord {
  readonly node: string
  /** A route reflector, which may do without Felix. */
  readonly isReflector: boolean
  /** Felix wrote a sign of life that has not expired. */
  readonly isAlive: boolean
  /** When it wrote the last one; RFC 3339. */
  readonly lastSeen?: string
  readonly report?: HostReport
  /** Why there is a report that cannot be read. */
  readonly unreadable?: string
}

/**
 * `ready` and `not ready` as Felix says; `running`: it lives and does not say; `stale`: it lives, and what it says is old;
 * `down`: it has lived; `unknown`: nobody ever heard of it.
 */
export type FelixState = 'ready' | 'not ready' | 'running' | 'stale' | 'down' | 'unknown'

interface Row extends Pick<NodeRecord, 'node' | 'report'> {
  readonly felix: FelixState
  /** When Felix started; when it is down or stale: when it was last heard of. */
  readonly since?: string
}

function rowOf({ node, isAlive, lastSeen, report }: NodeRecord, now: number): Row {
  const isStale = report !== undefined && isStaleReport(report, now)
  const heard = lastSeen ?? report?.time
  const row = (felix: FelixState, since: string | undefined): Row => ({
    node,
    felix,
    ...(since !== undefined && { since }),
    ...(report !== undefined && { report }),
  })
  // A Felix that was told not to give signs of life still reports.
  const lives = isAlive || (lastSeen === undefined && report !== undefined && !isStale)
  if (!lives) return row(heard === undefined ? 'unknown' : 'down', heard)
  if (isStale) return row('stale', report.time)
  if (report?.ready === undefined) return row('running', report?.started)
  return row(report.ready ? 'ready' : 'not ready', report.started)
}

const COLUMNS = ['NODE', 'FELIX', 'SINCE', 'VERSION', 'IPTABLES', 'MTU', 'PROBLEMS']

const cells = ({ node, felix, since, report }: Row): string[] => [
  node,
  felix,
  since?.replace('T', ' ') ?? '-',
  report?.version ?? '-',
  report?.iptables?.variant ?? '-',
  report?.mtuBytes === undefined ? '-' : String(report.mtuBytes),
  report === undefined ? '-' : String(report.problems.length + report.unlisted),
]

/** Names of nodes by a value that they share, in order of first use. */
function grouped<T>(pairs: readonly (readonly [value: T, node: string])[]): Map<T, string[]> {
  const groups = new Map<T, string[]>()
  for (const [value, node] of pairs) groups.set(value, [...(groups.get(value) ?? []), node])
  return groups
}

const MOST_NAMES = 5
const named = (nodes: readonly string[]): string =>
  nodes.length > MOST_NAMES ? `${nodes.length} nodes` : nodes.join(', ')

/** Large packets hang between hosts that think otherwise of their size. */
function mtuWarnings(rows: readonly Row[]): string[] {
  const groups = grouped(
    rows.flatMap(({ node, felix, report }) =>
      report?.mtuBytes === undefined || felix === 'down' ? [] : [[report.mtuBytes, node] as const],
    ),
  )
  if (groups.size < 2) return []
  const sizes = [...groups].map(([mtuBytes, nodes]) => `${mtuBytes} on ${named(nodes)}`)
  return [`The MTU of workloads differs between nodes: ${sizes.join('; ')}`]
}

/** Pure: the view of all nodes, and its exit status. @param now Milliseconds since 1970 */
export function allStatusOutcome(records: readonly NodeRecord[], output: 'json' | undefined, now: number): Outcome {
  const rows = records.map((record) => rowOf(record, now))
  const warnings = [
    ...mtuWarnings(rows),
    ...records.flatMap(({ unreadable }) => (unreadable === undefined ? [] : [unreadable])),
  ]
  const isAmiss = ({ felix }: Row, i: number): boolean =>
    felix === 'not ready' || felix === 'stale' || (felix === 'unknown' && records[i]?.isReflector !== true)
  const exitCode = rows.some(({ felix }) => felix === 'down') ? 1 : rows.some(isAmiss) ? 2 : 0
  if (output === 'json') return { blocks: [{ kind: 'json', value: { nodes: rows, warnings } }], exitCode }
  const problems = grouped(
    rows.flatMap(({ node, report }) => (report?.problems ?? []).map(({ reason }) => [reason, node] as const)),
  )
  const blocks: Block[] = [
    { kind: 'grid', columns: COLUMNS, rows: rows.map(cells) },
    ...warnings.flatMap((warning) => paragraph('WARNING: ', warning)),
    ...(problems.size === 0 ? [] : [line('\nProblems')]),
    ...[...problems].flatMap(([reason, nodes]) => paragraph('  ', `${named(nodes)}: ${reason}`)),
  ]
  return { blocks, exitCode }
}

/** What is known of every node that exists or has ever reported, by name. */
export async function readAllNodes(client: CalicoClient): Promise<NodeRecord[]> {
  const [nodes, { kvs: reports }] = await Promise.all([
    client.resources('Node').list(),
    client.store.list(HOST_REPORT_PREFIX),
  ])
  const reflectors = new Set(
    nodes.flatMap(({ metadata, spec }) => (spec.bgp?.routeReflectorClusterID === undefined ? [] : [metadata.name])),
  )
  const texts = new Map(reports.map(({ key, value }) => [key.slice(HOST_REPORT_PREFIX.length), value]))
  const names = new Set([...nodes.map(({ metadata }) => metadata.name), ...texts.keys()])
  return Promise.all(
    [...names].toSorted().map(async (node) => ({
      node,
      isReflector: reflectors.has(node),
      ...(await signsOfLife(client.store, node)),
      ...reportOf(node, texts.get(node)),
    })),
  )
}

async function signsOfLife(store: KvStore, node: string): Promise<Pick<NodeRecord, 'isAlive' | 'lastSeen'>> {
  const [alive, last] = await Promise.all([
    store.get(felixStatusKey(node)),
    store.get(felixLastReportedStatusKey(node)),
  ])
  const lastSeen = last && /"time":"([^"]+)"/.exec(last.value)?.[1]
  return { isAlive: alive !== undefined, ...(lastSeen !== undefined && { lastSeen }) }
}

function reportOf(node: string, text: string | undefined): Pick<NodeRecord, 'report' | 'unreadable'> {
  if (text === undefined) return {}
  try {
    return { report: decodeHostReport(text, `the report of ${node}`) }
  } catch (err) {
    if (!(err instanceof CalicoError)) throw err
    return { unreadable: err.message }
  }
}
