/**
 * Permanent neighbour entries on workload and VXLAN devices, both IP versions. The kernel drops a device's entries when it goes
 * down, so a read-back is wanted whenever a link changed.
 *
 * Restart: a permanent entry on such a device is ours, because nobody else makes permanent entries there.
 */
import type { Logger } from '@calico-node/core'
import { KernelEntries, type EntryKind } from './entries.ts'
import { IpBatch } from './ip-batch.ts'
import { listNeighbours } from './links.ts'
import { isVxlanDevice, isWorkloadDevice, WORKLOAD_PREFIX } from './ownership.ts'
import type { Entries, Neighbour } from './ports.ts'

export interface NeighboursOptions {
  readonly log: Logger
  readonly workloadPrefixes?: readonly string[]
  /** Shared writer. Default: one of its own. */
  readonly ip?: IpBatch
}

export function createNeighbours({
  log,
  workloadPrefixes = [WORKLOAD_PREFIX],
  ip = new IpBatch(),
}: NeighboursOptions): Entries<Neighbour> {
  const isOurs = (dev: string): boolean => isVxlanDevice(dev) || isWorkloadDevice(dev, workloadPrefixes)
  const kind: EntryKind<Neighbour> = {
    plural: 'neighbours',
    keyOf: ({ dev, ip: address }) => `${dev} ${address}`,
    same: (a, b) => a.mac === b.mac,
    read: async () => {
      const entries = [...(await listNeighbours(4)), ...(await listNeighbours(6))]
      return entries.flatMap(({ dev, ip: address, mac, permanent }) =>
        permanent && mac !== undefined && isOurs(dev) ? [{ dev, ip: address, mac }] : [],
      )
    },
    putCommand: ({ dev, ip: address, mac }) => `neighbour replace ${address} lladdr ${mac} dev ${dev} nud permanent`,
    removeCommand: ({ dev, ip: address }) => `neighbour delete ${address} dev ${dev}`,
  }
  return new KernelEntries({ kind, batch: ip, log: log.child({ component: 'neighbours' }) })
}
