import { createHash } from 'node:crypto'
import { type Ip, type Mac, type NodeName, parseIp, parseMac } from '@calico-node/model'

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

/** The link-local address that a device with this MAC address makes for itself (EUI-64). */
export function linkLocalOf(mac: Mac): Ip {
  const [first = 0, ...rest] = mac.split(':').map((byte) => Number.parseInt(byte, 16))
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)]
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return parseIp(`fe80::${hex.match(/.{4}/g)?.join(':') ?? ''}`)
}
