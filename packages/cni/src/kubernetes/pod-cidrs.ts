/** host-local's words for "the range of this node", which only Kubernetes knows. */
import { CNI_CODE, CniError } from '../protocol/error.ts'
import { isObject, type JsonObject } from '../protocol/request.ts'
import type { Session } from '../session.ts'
import type { ApiAccess } from './access.ts'
import { getObject } from './client.ts'

/** Stand for the ranges where it does not matter which they are: releasing goes by container. */
export const ANY_CIDRS: readonly string[] = ['0.0.0.0/0', '::/0']

/** What `usePodCidr` and `usePodCidrIPv6` stand for in host-local's configuration: the ranges of this node. */
export async function podCidrsOf({ conf, request }: Session, access: ApiAccess): Promise<readonly string[]> {
  if (!/"usePodCidr(IPv6)?"/.test(JSON.stringify(request.config['ipam'] ?? {}))) return []
  const name = conf.kubernetes.node_name || request.args.get('K8S_NODE_NAME') || conf.nodename
  const found = await getObject(access, `/api/v1/nodes/${encodeURIComponent(name)}`)
  const spec = isObject(found) && isObject(found['spec']) ? found['spec'] : {}
  const all = [...(Array.isArray(spec['podCIDRs']) ? spec['podCIDRs'] : []), spec['podCIDR']]
  return all.filter((cidr) => typeof cidr === 'string')
}

/** @throws CniError when none of `cidrs` is of the family that is asked for */
export function replacePodCidrs(ipam: JsonObject, cidrs: readonly string[]): JsonObject {
  const replaced: unknown = JSON.parse(JSON.stringify(ipam), (_, value: unknown) => {
    if (value !== 'usePodCidr' && value !== 'usePodCidrIPv6') return value
    const cidr = cidrs.find((each) => each.includes(':') === (value === 'usePodCidrIPv6'))
    if (cidr !== undefined) return cidr
    throw new CniError(CNI_CODE.invalidConfig, `ipam says ${value}, but the node has no podCIDR of that family`)
  })
  return isObject(replaced) ? replaced : ipam
}
