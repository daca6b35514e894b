/** The bytes of a packet as it begins a flow: a SYN, a datagram, an INIT, an echo request, or a few bytes of anything else. */
import { bitsOf, ipToBigInt, ipVersion, type Ip } from '@calico-node/model'
import type { Packet } from '@calico-node/policy'

const ECHO_HEADER = 8

/** @param id Travels in the identification field (IPv4, below 2^16) or the flow label (IPv6, below 2^20). */
export function packetBytes(packet: Packet, id: number): Buffer {
  const version = ipVersion(packet.source)
  const body = transport(packet, version)
  return Buffer.concat([version === 4 ? header4(packet, id, body.length) : header6(packet, id, body.length), body])
}

/** Network byte order. */
export const addressBytes = (ip: Ip): Buffer =>
  Buffer.from(
    ipToBigInt(ip)
      .toString(16)
      .padStart(bitsOf(ipVersion(ip)) / 4, '0'),
    'hex',
  )

function header4({ source, destination, protocol }: Packet, id: number, length: number): Buffer {
  const header = Buffer.alloc(20)
  header.writeUInt16BE(0x4500, 0)
  header.writeUInt16BE(20 + length, 2)
  header.writeUInt16BE(id, 4)
  header.writeUInt8(64, 8)
  header.writeUInt8(protocol, 9)
  addressBytes(source).copy(header, 12)
  addressBytes(destination).copy(header, 16)
  header.writeUInt16BE(checksum(header), 10)
  return header
}

function header6({ source, destination, protocol }: Packet, flowLabel: number, length: number): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(0x6000_0000 + flowLabel, 0)
  header.writeUInt16BE(length, 4)
  header.writeUInt8(protocol, 6)
  header.writeUInt8(64, 7)
  return Buffer.concat([header, addressBytes(source), addressBytes(destination)])
}

function transport(packet: Packet, version: 4 | 6): Buffer {
  const { protocol, sourcePort = 0, destinationPort = 0, icmp = { type: 0, code: 0 } } = packet
  const ports = (body: Buffer): Buffer => {
    body.writeUInt16BE(sourcePort, 0)
    body.writeUInt16BE(destinationPort, 2)
    return body
  }
  switch (protocol) {
    case 1:
    case 58: {
      const body = Buffer.from([icmp.type, icmp.code, 0, 0, sourcePort >> 8, sourcePort & 0xff, 0, 1])
      // Neighbour discovery needs a target address to be taken for well-formed.
      const whole = version === 6 && icmp.type > 130 ? Buffer.concat([body, Buffer.alloc(16)]) : body
      return withChecksum(packet, whole, { at: 2, overAddresses: version === 6 })
    }
    case 6: {
      const body = ports(Buffer.alloc(20))
      body.writeUInt32BE(1, 4)
      body.writeUInt16BE(0x5002, 12) // five words, SYN
      body.writeUInt16BE(65_535, 14)
      return withChecksum(packet, body, { at: 16, overAddresses: true })
    }
    case 17:
    case 136: {
      const body = ports(Buffer.alloc(12))
      body.writeUInt16BE(body.length, 4)
      return withChecksum(packet, body, { at: 6, overAddresses: true })
    }
    case 132:
      return sctpInit(ports(Buffer.alloc(32)))
    case 4:
      return header4({ ...packet, protocol: 59 }, 1, 0)
    default:
      return Buffer.alloc(ECHO_HEADER)
  }
}

/** With the checksum of RFC 1071 at an offset, over the pseudo header as well where the protocol wants that. */
function withChecksum(
  packet: Packet,
  body: Buffer,
  { at, overAddresses }: { at: number; overAddresses: boolean },
): Buffer {
  const pseudo = Buffer.alloc(4)
  // Linux's connection tracking takes UDP-Lite's sum for one of UDP.
  pseudo.writeUInt8(packet.protocol === 136 ? 17 : packet.protocol, 1)
  pseudo.writeUInt16BE(body.length, 2)
  const addresses = overAddresses ? [addressBytes(packet.source), addressBytes(packet.destination), pseudo] : []
  body.writeUInt16BE(checksum(Buffer.concat([...addresses, body])) || 0xffff, at)
  return body
}

function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function sctpInit(body: Buffer): Buffer {
  body.writeUInt8(1, 12)
  body.writeUInt16BE(20, 14)
  body.writeUInt32BE(1, 16) // initiate tag
  body.writeUInt32BE(65_535, 20) // window
  body.writeUInt16BE(1, 24) // streams
  body.writeUInt16BE(1, 26)
  body.writeUInt32BE(1, 28) // first number
  body.writeUInt32LE(crc32c(body), 8)
  return body
}

function crc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0)
  }
  return ~crc >>> 0
}
