import { createHash } from 'node:crypto'
import { type Mac, type NodeName, parseMac } from '@calico-node/model'

/**
 * The MAC address of a node's VXLAN device where the Node names none: every node works it out for every other (felix.md
 * 3.7), so it must stay what it is.
 */
export function tunnelMac(node: NodeName, ipVersion: 4 | 6): Mac {
  const hash = createHash('sha1')
    .update(ipVersion === 4 ? node : `${node}-v6`)
    .digest()
  return parseMac(['66', ...[...hash.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':'))
}
