import { createHash } from 'node:crypto'
import { hostInterfaceOf, type WorkloadId } from '@calico-node/workload'
import type { NodeName } from '@calico-node/model'
import type { Request } from './protocol/request.ts'

/** Who an attachment is in Calico's terms: everything follows from the request, so that DEL finds what a dead ADD left. */
export interface Attachment {
  readonly id: WorkloadId & { readonly endpoint: string }
  readonly hostInterface: string
  /** Under which calico-ipam keeps the addresses: one for each network and container. */
  readonly handle: string
  /** Stored with the addresses beside node and timestamp. */
  readonly attributes: Readonly<Record<string, string>>
}

/** Pods are named by both arguments; a runtime that sends only a name (podman) is not Kubernetes. */
export function attachmentOf({ args, containerId, ifname, network }: Request, node: NodeName): Attachment {
  const [pod, podNamespace] = [args.get('K8S_POD_NAME'), args.get('K8S_POD_NAMESPACE')]
  const handle = `${network}.${containerId}`
  if (pod !== undefined && podNamespace !== undefined) {
    return {
      id: { node, orchestrator: 'k8s', namespace: podNamespace, workload: pod, endpoint: ifname },
      hostInterface: `cali${sha1(`${podNamespace}.${pod}`).slice(0, 11)}`,
      handle,
      attributes: { pod, namespace: podNamespace },
    }
  }
  const namespace = args.get('CNI_TEST_NAMESPACE') ?? 'default'
  return {
    id: { node, orchestrator: 'cni', namespace, workload: containerId, endpoint: ifname },
    hostInterface:
      ifname === 'eth0' ? hostInterfaceOf(containerId) : `cali${sha1(`${containerId}.${ifname}`).slice(0, 11)}`,
    handle,
    attributes: {},
  }
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')
