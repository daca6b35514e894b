/**
 * What Felix says of its host to people: how it programs rules, what always passes, and what somebody should mend. It
 * lies in the store under a key of our own, which other programs of Calico never read, and in a file for local tools.
 */
import { CalicoError, messageOf } from '@calico-node/core'
import { z } from 'zod'

/** One key a node; no lease: what a dead Felix said last is worth reading. */
export const hostReportKey = (node: string): string => `${HOST_REPORT_PREFIX}${node}`
export const HOST_REPORT_PREFIX = '/calico/felix/report/v1/host/'
/** Name of the file, in the directory of the control sockets. */
export const HOST_REPORT_FILE = 'felix.json'
/** However little changes, a Felix that lives writes its report this often. */
export const HOST_REPORT_REFRESH_MS = 300_000

const problem = z.object({
  /** Stays the same while the problem lasts. */
  id: z.string(),
  /** A sentence. */
  reason: z.string(),
  /** RFC 3339, UTC. */
  since: z.string(),
})

const report = z.object({
  node: z.string(),
  /** When this was written: at each change, and now and then. RFC 3339, UTC. */
  time: z.string(),
  /** Since when this Felix runs. RFC 3339, UTC. */
  started: z.string().optional(),
  /** Of Felix. */
  version: z.string().optional(),
  /** As `/readiness` says it. */
  ready: z.boolean().optional(),
  /** How large packets of workloads may be; absent where Felix leaves routes to others. */
  mtuBytes: z.number().int().positive().optional(),
  /** Absent until the variant is chosen. */
  iptables: z.object({ variant: z.enum(['legacy', 'nft']), reason: z.string() }).optional(),
  /** Ports that no policy of a host endpoint closes, as `proto:port` or `proto:net:port`. */
  failsafe: z.object({ inbound: z.array(z.string()), outbound: z.array(z.string()) }),
  /** The oldest first. */
  problems: z.array(problem),
  /** How many more problems there are than are listed. */
  unlisted: z.number().int().nonnegative(),
})

export type HostReport = Readonly<z.output<typeof report>>

export const encodeHostReport = (value: HostReport): string => JSON.stringify(value)

/** Whether a Felix that lives would have written it anew since. @param now Milliseconds since 1970 */
export const isStaleReport = ({ time }: Pick<HostReport, 'time'>, now: number): boolean =>
  now - Date.parse(time) > 2 * HOST_REPORT_REFRESH_MS

/** @param where The key or file, for the error. @throws INVALID */
export function decodeHostReport(text: string, where: string): HostReport {
  try {
    return report.parse(JSON.parse(text))
  } catch (err) {
    throw new CalicoError('INVALID', `Cannot read ${where}: ${messageOf(err)}`, { cause: err })
  }
}
