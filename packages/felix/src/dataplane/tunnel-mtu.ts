/** How large packets may be in each kind of tunnel. Pure. */
import type { TunnelKind } from '../calc/messages.ts'

/** What a tunnel adds to a packet. */
const OVERHEAD: Readonly<Record<TunnelKind, number>> = { ipip: 20, vxlan: 50, 'vxlan-v6': 70 }
/** Below this the kernel switches IPv6 off on a device, and IPv4 hosts may not be reachable. */
const MINIMUM: Readonly<Record<TunnelKind, number>> = { ipip: 576, vxlan: 576, 'vxlan-v6': 1280 }
const PARAMETER: Readonly<Record<TunnelKind, string>> = { ipip: 'IpipMTU', vxlan: 'VxlanMTU', 'vxlan-v6': 'VxlanMTUV6' }

export interface TunnelMtu {
  readonly mtuBytes: number
  /** What a person should mend; a sentence. */
  readonly notice?: string
}

/** @param configured 0 = what the host allows. */
export function tunnelMtu(kind: TunnelKind, configured: number, hostMtuBytes: number): TunnelMtu {
  const minimum = MINIMUM[kind]
  const fitting = hostMtuBytes - OVERHEAD[kind]
  const detected = Math.max(minimum, fitting)
  if (configured >= minimum) return { mtuBytes: configured }
  if (configured > 0) {
    return {
      mtuBytes: detected,
      notice: `${PARAMETER[kind]}=${configured} is below the minimum of ${minimum}: ${detected} is used`,
    }
  }
  if (fitting >= minimum) return { mtuBytes: detected }
  const reason = `the MTU of this host, ${hostMtuBytes}, leaves less than the minimum of ${minimum}: packets will be fragmented`
  return { mtuBytes: detected, notice: `${PARAMETER[kind]}: ${reason}` }
}

/** What workloads may send, whichever tunnel it takes. @param tunnels MTUs of those in use. */
export const workloadMtu = (tunnels: readonly number[], hostMtuBytes: number): number =>
  Math.min(hostMtuBytes, ...tunnels)
