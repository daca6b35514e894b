/** What a pod and its namespace say about the pod's network. Pure. */
import { findCidr, findIp, findMac, isLabelKey, isLabelValue, type Cidr, type Ip, type Mac } from '@calico-node/model'
import { z } from 'zod'
import { CNI_CODE, CniError } from '../protocol/error.ts'

const strings = z.record(z.string(), z.string()).default({})
const metadata = z.object({ labels: strings, annotations: strings }).prefault({})
const ports = z
  .array(
    z.object({
      name: z.string().optional(),
      containerPort: z.number().int(),
      protocol: z.string().default('TCP'),
      hostPort: z.number().int().default(0),
      hostIP: z.string().default(''),
    }),
  )
  .default([])
const containers = z.array(z.object({ ports })).default([])
const Pod = z.object({
  metadata,
  spec: z.object({ serviceAccountName: z.string().default(''), containers, initContainers: containers }).prefault({}),
})
const Namespace = z.object({ metadata })

export interface PodData {
  readonly labels: Readonly<Record<string, string>>
  readonly namespaceLabels: Readonly<Record<string, string>>
  /** Empty: none. */
  readonly serviceAccount: string
  readonly ports: readonly PodPort[]
  readonly wishes: PodWishes
}

export interface PodPort {
  readonly name?: string
  readonly protocol: string
  readonly port: number
  readonly hostPort: number
  readonly hostIP: string
}

/** What annotations ask for; undefined: nothing. */
export interface PodWishes {
  /** CIDRs or names of pools. */
  readonly ipv4Pools: readonly string[] | undefined
  readonly ipv6Pools: readonly string[] | undefined
  readonly families: readonly ('IPv4' | 'IPv6')[] | undefined
  /** To be taken from IPAM. */
  readonly ips: readonly Ip[] | undefined
  /** To be used as they are. */
  readonly ipsWithoutIpam: readonly Ip[] | undefined
  readonly mac: Mac | undefined
  readonly floatingIps: readonly Ip[] | undefined
  readonly spoofedPrefixes: readonly Cidr[] | undefined
}

/**
 * The pod's annotations go before those of its namespace.
 *
 * @param pod, namespace As the API server gives them.
 * @throws CniError naming the annotation that is wrong
 */
export function podDataOf(pod: unknown, namespace: unknown): PodData {
  const { metadata: own, spec } = Pod.parse(pod)
  const { metadata: outer } = Namespace.parse(namespace)
  const found = [...spec.initContainers, ...spec.containers].flatMap((container) => container.ports)
  // Other programs write labels too: what cannot be one here is left out.
  const labels = Object.entries(own.labels).filter(([key, value]) => isLabelKey(key) && isLabelValue(value))
  return {
    labels: Object.fromEntries(labels),
    namespaceLabels: outer.labels,
    serviceAccount: spec.serviceAccountName,
    ports: found
      .filter(({ name, hostPort }) => name !== undefined || hostPort !== 0)
      .map(({ name, containerPort: port, ...rest }) => ({ ...rest, port, ...(name !== undefined && { name }) })),
    wishes: wishesOf({ ...outer.annotations, ...own.annotations }),
  }
}

const PREFIX = 'cni.projectcalico.org/'

function wishesOf(annotations: Readonly<Record<string, string>>): PodWishes {
  const listed = <T>(name: string, want: string, parse: (text: string) => T | undefined): readonly T[] | undefined => {
    const text = annotations[`${PREFIX}${name}`]
    return text === undefined ? undefined : parseList(text, `${PREFIX}${name}`, want, parse)
  }
  const mac = annotations[`${PREFIX}hwAddr`]
  return {
    ipv4Pools: listed('ipv4pools', 'CIDRs or names of pools', (text) => text),
    ipv6Pools: listed('ipv6pools', 'CIDRs or names of pools', (text) => text),
    families: listed('ipFamilies', '"IPv4" and "IPv6"', findFamily),
    ips: listed('ipAddrs', 'addresses', findIp),
    ipsWithoutIpam: listed('ipAddrsNoIpam', 'addresses', findIp),
    floatingIps: listed('floatingIPs', 'addresses', findIp),
    spoofedPrefixes: listed('allowedSourcePrefixes', 'CIDRs', findCidr),
    mac: mac === undefined ? undefined : (findMac(mac) ?? refuse(`${PREFIX}hwAddr`, mac, 'a MAC address')),
  }
}

const findFamily = (text: string): 'IPv4' | 'IPv6' | undefined =>
  text === 'IPv4' || text === 'IPv6' ? text : undefined

/** A JSON list of texts, as all these annotations are. */
function parseList<T>(text: string, name: string, want: string, parse: (text: string) => T | undefined): readonly T[] {
  const refused = (): never => refuse(name, text, `a JSON list of ${want}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refused()
  }
  if (!Array.isArray(value)) return refused()
  return value.map((each) => (typeof each === 'string' ? parse(each) : undefined) ?? refused())
}

function refuse(name: string, text: string, want: string): never {
  throw new CniError(CNI_CODE.invalidConfig, `cannot use annotation ${name}: want ${want}, it is ${text}`)
}
