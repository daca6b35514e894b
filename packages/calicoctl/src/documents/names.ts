/**
 * Names of resources that stand for what the documents' generation of commands called by address or free text. Pure.
 */
import { type Cidr, type Ip, ipToBigInt, isIpv4, legacyName } from '@calico-node/model'

/** Keeps a name as it was typed, where the resource's own had to be changed to be legal (`PROF_A_B`). */
export const TYPED_NAME = 'calico-node.io/typed-name'

/** The name to show people: as typed when that was kept. */
export const shownName = ({
  metadata,
}: {
  metadata: { name: string; annotations?: Readonly<Record<string, string>> | undefined }
}): string => metadata.annotations?.[TYPED_NAME] ?? metadata.name

/** Legal name, and the annotation that keeps the typed one when they differ. */
export function resourceName(typed: string): { name: string; annotations: Readonly<Record<string, string>> } {
  const name = legacyName(typed)
  return { name, annotations: name === typed ? {} : { [TYPED_NAME]: typed } }
}

/** `192.168.0.0/16` becomes `192-168-0-0-16`. */
export const poolName = (cidr: Cidr): string => cidr.replace(/[.:/]/g, '-')

/** `10.0.0.1` becomes `10-0-0-1`; IPv6 is written out in eight groups of four. */
export const addressName = (ip: Ip): string =>
  isIpv4(ip)
    ? ip.replaceAll('.', '-')
    : ipToBigInt(ip)
        .toString(16)
        .padStart(32, '0')
        .replace(/(.{4})(?!$)/g, '$1-')

export const globalPeerName = (ip: Ip): string => `global-${addressName(ip)}`
export const nodePeerName = (node: string, ip: Ip): string => `node-${node}-${addressName(ip)}`
