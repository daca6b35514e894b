/**
 * The whole of it: facts of this host and what the Node holds -> one decision a family -> the Node, unless another node has
 * such an address. May be repeated at any time.
 */
import type { LogFields } from '@calico-node/core'
import { type AsNumber, type IpInterface, type Ipv4, type NodeResource, parseIpInterface } from '@calico-node/model'
import { claimNode, type NodeStep } from './claim.ts'
import { type AddressDecision, decideAddress, needsDetection, type Note, requireSomeAddress } from './decision.ts'
import { chooseAddress } from './detect/choose.ts'
import type { HostAddress } from './detect/facts.ts'
import { gatherFacts } from './detect/gather.ts'
import type { DetectionMethod } from './detect/method.ts'
import type { NodeWish } from './node-spec.ts'
import type { AddressSetting } from './setting.ts'

/** What one family is to have. */
export interface FamilyPlan {
  readonly setting: AddressSetting | undefined
  /** Undefined: choose by yourself. */
  readonly method: DetectionMethod | undefined
}

export interface AddressPlan {
  readonly ipv4: FamilyPlan
  readonly ipv6: FamilyPlan
  /** Undefined leaves what the Node has; so do the next two. */
  readonly asNumber?: AsNumber | undefined
  readonly clusterId?: Ipv4 | undefined
  readonly k8sNodeRef?: string | undefined
  /** Refuse addresses of other nodes. */
  readonly check: boolean
  readonly etcdEndpoints: readonly string[]
}

export interface EnsureRequest extends NodeStep {
  readonly plan: AddressPlan
  /** Of this host, now. */
  readonly addresses: readonly HostAddress[]
  /** Hears what was found. Default: the log. */
  readonly tell?: (note: Note) => void
}

const ofFamily = (addresses: readonly HostAddress[], version: 4 | 6): HostAddress[] =>
  addresses.filter(({ address }) => address.ip.includes(':') === (version === 6))

async function decisionOf(
  version: 4 | 6,
  { plan, addresses }: EnsureRequest,
  existing: NodeResource | undefined,
): Promise<AddressDecision> {
  const bgp = existing?.spec.bgp
  const text = version === 4 ? bgp?.ipv4Address : bgp?.ipv6Address
  const { setting, method = { kind: 'auto' as const } } = version === 4 ? plan.ipv4 : plan.ipv6
  const input = {
    version,
    setting,
    local: ofFamily(addresses, version),
    existing: text === undefined ? undefined : parseIpInterface(text),
  }
  if (!needsDetection(input)) return decideAddress(input)
  const facts = await gatherFacts(version, method, addresses, plan.etcdEndpoints)
  return decideAddress({ ...input, detected: chooseAddress(method, facts) })
}

/** The wish without detected addresses: what is left when they turn out to be another node's. */
function fallbackOf(wish: NodeWish, { plan, addresses }: EnsureRequest, existing: NodeResource | undefined): NodeWish {
  const keep = ({ setting }: FamilyPlan, text: string | undefined): IpInterface | undefined => {
    const address = text === undefined ? undefined : parseIpInterface(text)
    const isLocal = addresses.some((item) => item.address.ip === address?.ip)
    return setting === 'autodetect' && !isLocal ? undefined : address
  }
  const bgp = existing?.spec.bgp
  return {
    ...wish,
    ipv4: keep(plan.ipv4, bgp?.ipv4Address),
    ipv6: keep(plan.ipv6, bgp?.ipv6Address),
    asNumber: undefined,
    clusterId: undefined,
  }
}

/**
 * Makes the Node hold the addresses that the plan and this host call for.
 *
 * @throws NOT_FOUND when an address is needed and none can be detected; INVALID when there would be none at all; CONFLICT
 *   naming both nodes of one address
 */
export async function ensureNodeAddresses(request: EnsureRequest): Promise<NodeResource> {
  const { client, name, log, plan } = request
  const { tell = ({ level, message, fields }: Note): void => log[level](message, fields satisfies LogFields) } = request
  const existing = await client.resources('Node').find(name)
  const ipv4 = await decisionOf(4, request, existing)
  const ipv6 = await decisionOf(6, request, existing)
  for (const note of [...ipv4.notes, ...ipv6.notes]) tell(note)
  requireSomeAddress([ipv4, ipv6])
  const wish = {
    ipv4: ipv4.address,
    ipv6: ipv6.address,
    asNumber: plan.asNumber,
    clusterId: plan.clusterId,
    k8sNodeRef: plan.k8sNodeRef,
  }
  return claimNode({ client, log, name, wish, fallback: fallbackOf(wish, request, existing), check: plan.check })
}
