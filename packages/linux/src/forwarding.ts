/**
 * Entries of the forwarding tables of our VXLAN devices: which MAC address is behind which host. They are permanent, because the
 * devices learn nothing by themselves.
 *
 * Restart: an entry with a host on such a device is ours; nobody else has business there.
 */
import type { Logger } from '@calico-node/core'
import { findIp, findMac } from '@calico-node/model'
import { KernelEntries, type EntryKind } from './entries.ts'
import { IpBatch } from './ip-batch.ts'
import { parseRecords } from './ip-json.ts'
import { isVxlanDevice } from './ownership.ts'
import type { Entries, ForwardingEntry } from './ports.ts'
import { runTool } from './run.ts'

export function createForwarding({ log }: { log: Logger }): Entries<ForwardingEntry> {
  const kind: EntryKind<ForwardingEntry> = {
    plural: 'forwarding entries',
    keyOf: ({ dev, mac }) => `${dev} ${mac}`,
    same: (a, b) => a.host === b.host,
    read: listForwarding,
    putCommand: ({ dev, mac, host }) => `fdb replace ${mac} dev ${dev} dst ${host} self permanent`,
    removeCommand: ({ dev, mac, host }) => `fdb delete ${mac} dev ${dev} dst ${host} self`,
  }
  return new KernelEntries({
    kind,
    batch: new IpBatch({ tool: 'bridge' }),
    log: log.child({ component: 'forwarding' }),
  })
}

/** Entries of all our devices; those of a device that is absent are none. */
export async function listForwarding(): Promise<readonly ForwardingEntry[]> {
  const records = parseRecords(await runTool('bridge', ['-j', 'fdb', 'show']))
  return records.flatMap(({ ifname, mac, dst }) => {
    const [address, host] = [findMac(String(mac)), findIp(String(dst))]
    if (typeof ifname !== 'string' || !isVxlanDevice(ifname) || address === undefined || host === undefined) return []
    return [{ dev: ifname, mac: address, host }]
  })
}
