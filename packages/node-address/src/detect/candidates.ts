import { type Cidr, cidrContains, parseCidr } from '@calico-node/model'
import type { HostAddress } from './facts.ts'

/** An address of this host, and why it cannot be the node's when it cannot. */
export interface Candidate {
  readonly interface: string
  readonly address: HostAddress['address']
  readonly skipped?: string
}

/** Interfaces that container engines, virtual machines and Calico itself make. Prefixes, except for the whole names. */
const SKIPPED_PREFIXES = [
  'docker',
  'cbr',
  'dummy',
  'podman',
  'virbr',
  'lxcbr',
  'veth',
  'br-',
  'cali',
  'tunl',
  'flannel',
  'kube-ipvs',
  'cni',
  'vxlan.calico',
  'vxlan-v6.calico',
  'wireguard.cali',
  'wg-v6.cali',
  'nodelocaldns',
]
const LOCAL_ONLY: readonly Cidr[] = [
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
].map(parseCidr)

/** The interface's own name says that it belongs to somebody else. */
export const isForeignInterface = (name: string): boolean =>
  name === 'lo' || SKIPPED_PREFIXES.some((prefix) => name.startsWith(prefix))

/** Why no other host could use this address to reach us; undefined when it could. */
export function unusableReason({ address, flaw }: HostAddress): string | undefined {
  if (LOCAL_ONLY.some((cidr) => cidrContains(cidr, address.ip))) return 'loopback, link-local or multicast address'
  return flaw
}

const isHostRoute = ({ address }: HostAddress): boolean =>
  address.prefixLength === (address.ip.includes(':') ? 128 : 32)

/**
 * All addresses with the reason that rules each out, best first: newest interface first, and within one interface its
 * own subnets before aliases and single addresses, which are often virtual ones that move between hosts.
 *
 * @param skipInterface Rules out all addresses of an interface; returns the reason.
 */
export function rankCandidates(
  addresses: readonly HostAddress[],
  skipInterface: (name: string) => string | undefined,
): Candidate[] {
  const penalty = (item: HostAddress): number => Number(item.secondary) + 2 * Number(isHostRoute(item))
  return addresses
    .toSorted((a, b) => b.index - a.index || penalty(a) - penalty(b))
    .map((item) => {
      const skipped = unusableReason(item) ?? skipInterface(item.interface)
      return { interface: item.interface, address: item.address, ...(skipped !== undefined && { skipped }) }
    })
}
