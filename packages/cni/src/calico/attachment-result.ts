import { ipVersion, parseIpInterface, type WorkloadEndpointResource } from '@calico-node/model'
import { HOST_MAC } from '@calico-node/workload'
import type { Result } from '../protocol/result.ts'
import type { Session } from '../session.ts'
import { mtuOf } from './wanted.ts'

const DEFAULT_MTU_BYTES = 1500

/** The result of an attachment: the host's end, the container's end, and the addresses, which are the latter's. */
export function attachmentResult(
  { request, conf }: Session,
  { spec }: WorkloadEndpointResource,
  { routes, dns }: Pick<Result, 'routes' | 'dns'>,
): Result {
  const { mtuBytes: mtu = DEFAULT_MTU_BYTES } = mtuOf(conf)
  const nets = (spec.ipNetworks ?? []).toSorted((a, b) => ipVersion(a) - ipVersion(b))
  return {
    interfaces: [
      { name: spec.interfaceName, mac: HOST_MAC, mtu },
      {
        name: request.ifname,
        mtu,
        ...(spec.mac && { mac: spec.mac }),
        ...(request.netns && { sandbox: request.netns }),
      },
    ],
    ips: nets.map((net) => ({ interface: 1, address: parseIpInterface(net) })),
    routes,
    dns,
  }
}
