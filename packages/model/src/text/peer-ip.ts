import { branded, type Brand } from '../brand.ts'
import { findIp, findIpv4, findIpv6, type Ip } from '../address/ip.ts'
import { invalidText } from '../invalid.ts'

/** `address`, `v4:port` or `[v6]:port`, addresses in canonical text. */
export type PeerIp = Brand<string, 'PeerIp'>

const WITH_PORT = /^(?:\[([^\]]+)\]|([^:]+)):([1-9]\d{0,4})$/

export interface PeerAddress {
  readonly ip: Ip
  readonly port?: number
}

export const PEER_IP_RULE = 'an IP address, or one with a port such as 10.0.0.1:179 or [fd00::1]:179'

function findPeerAddress(text: string): PeerAddress | undefined {
  const ip = findIp(text)
  if (ip !== undefined) return { ip }
  const [, v6, v4, digits] = WITH_PORT.exec(text) ?? []
  const address = v6 === undefined ? findIpv4(v4 ?? '') : findIpv6(v6)
  const port = Number(digits)
  return address === undefined || port > 65_535 ? undefined : { ip: address, port }
}

export function findPeerIp(text: string): PeerIp | undefined {
  const found = findPeerAddress(text)
  if (found === undefined) return undefined
  const { ip, port } = found
  if (port === undefined) return branded(ip)
  return branded(ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)
}

/** Address and port of a peer. @throws INVALID */
export function parsePeerIp(text: string): PeerAddress {
  const found = findPeerAddress(text)
  if (found === undefined) throw invalidText('peer address', text, PEER_IP_RULE)
  return found
}
