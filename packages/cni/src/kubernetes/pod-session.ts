/** Kubernetes' part of an ADD: what the API server knows of the pod, worked into the session. */
import { ipVersion, type Ip } from '@calico-node/model'
import type { ExtraSpec } from '@calico-node/workload'
import type { NetConf } from '../config/net-conf.ts'
import type { Attachment } from '../identity.ts'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import { isObject, type JsonObject, type Request } from '../protocol/request.ts'
import type { Session } from '../session.ts'
import { findApiAccess } from './access.ts'
import { getObject } from './client.ts'
import { podCidrsOf, replacePodCidrs } from './pod-cidrs.ts'
import { podDataOf, type PodData } from './pod.ts'

/**
 * The session of a pod's ADD: with what the pod says, and with a configuration that asks IPAM for what its annotations ask
 * for. Any other session, and that of a configuration that names no API server, comes back as it is.
 *
 * @throws CniError when the pod cannot be read or wants what is switched off
 */
export async function withPod(session: Session, { id }: Attachment): Promise<Session> {
  if (id.orchestrator !== 'k8s') return session
  const access = findApiAccess(session.conf)
  if (access === undefined) return session
  const namespacePath = `/api/v1/namespaces/${encodeURIComponent(id.namespace)}`
  const [pod, namespace, cidrs] = await Promise.all([
    getObject(access, `${namespacePath}/pods/${encodeURIComponent(id.workload)}`),
    getObject(access, namespacePath),
    podCidrsOf(session, access),
  ])
  const data = podDataOf(pod, namespace)
  assertEnabled(data, session.conf)
  const wanted = ipamOf(data, session.conf)
  return {
    ...session,
    pod: data,
    conf: { ...session.conf, ipam: { ...session.conf.ipam, ...wanted } },
    request: withIpam(session.request, (ipam) => ({ ...replacePodCidrs(ipam, cidrs), ...wanted })),
  }
}

/** The fields of `ipam` that the annotations decide. */
function ipamOf({ wishes }: PodData, { ipam }: NetConf): Partial<NetConf['ipam']> {
  const { ipv4Pools, ipv6Pools, families, ips } = wishes
  if (ips !== undefined && ipam.type !== 'calico-ipam')
    throw new CniError(CNI_CODE.invalidConfig, 'annotation cni.projectcalico.org/ipAddrs needs ipam.type calico-ipam')
  return {
    ...(ipv4Pools !== undefined && { ipv4_pools: [...ipv4Pools] }),
    ...(ipv6Pools !== undefined && { ipv6_pools: [...ipv6Pools] }),
    ...(families !== undefined && { assign_ipv4: families.includes('IPv4'), assign_ipv6: families.includes('IPv6') }),
    ...(ips !== undefined && { args: { ip: ips.join(',') } }),
  }
}

function assertEnabled({ wishes }: PodData, { feature_control: features }: NetConf): void {
  const gated = [
    ['ipAddrsNoIpam', wishes.ipsWithoutIpam, features.ip_addrs_no_ipam, 'ip_addrs_no_ipam'],
    ['floatingIPs', wishes.floatingIps, features.floating_ips, 'floating_ips'],
  ] as const
  for (const [annotation, wish, enabled, feature] of gated)
    if (wish !== undefined && !enabled)
      throw new CniError(
        CNI_CODE.invalidConfig,
        `annotation cni.projectcalico.org/${annotation} needs feature_control.${feature}`,
      )
}

function withIpam(request: Request, change: (ipam: JsonObject) => JsonObject): Request {
  const { ipam } = request.config
  const config = { ...request.config, ipam: change(isObject(ipam) ? ipam : {}) }
  return { ...request, config, stdin: JSON.stringify(config) }
}

/** The fields of the endpoint beyond its addresses. @param ips The endpoint's own. */
export function podSpec({ ports, serviceAccount, wishes }: PodData, ips: readonly Ip[]): ExtraSpec {
  const { floatingIps, spoofedPrefixes } = wishes
  const inside = (external: Ip): Ip => {
    const found = ips.find((ip) => ipVersion(ip) === ipVersion(external))
    if (found !== undefined) return found
    throw new CniError(CNI_CODE.invalidConfig, `cannot give the pod ${external}: it has no address of that family`)
  }
  return {
    ...(ports.length > 0 && { ports: [...ports] }),
    ...(serviceAccount !== '' && { serviceAccountName: serviceAccount }),
    ...(spoofedPrefixes !== undefined && { allowSpoofedSourcePrefixes: [...spoofedPrefixes] }),
    ...(floatingIps !== undefined && {
      ipNATs: floatingIps.map((externalIP) => ({ internalIP: inside(externalIP), externalIP })),
    }),
  }
}

const SERVICE_ACCOUNT_LABEL = 'projectcalico.org/serviceaccount'
const MAX_LABEL_LENGTH = 63

export const podLabels = ({ labels, serviceAccount }: PodData): Readonly<Record<string, string>> => ({
  ...labels,
  ...(serviceAccount !== '' &&
    serviceAccount.length <= MAX_LABEL_LENGTH && { [SERVICE_ACCOUNT_LABEL]: serviceAccount }),
})
