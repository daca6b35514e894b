import { assertNever } from '@calico-node/core'
import type { BirdProtocolDetail } from './protocols.ts'
import type { ProbeResult } from './probe.ts'

export const isEstablished = ({ info }: BirdProtocolDetail): boolean => info.split(' ')[0] === 'Established'

/** A probe now would disturb no handshake that is on its way. */
export const mayProbe = (protocol: BirdProtocolDetail): boolean =>
  protocol.state === 'start' && /^(Idle|Active|Connect|Passive)$/.test(protocol.bgp?.state ?? '')

/**
 * Why a BGP session is not up, in a sentence for an operator. Undefined when it is up.
 *
 * @param probe What the peer's port says, where it was asked.
 */
export function explainSession(protocol: BirdProtocolDetail, probe?: ProbeResult, port = 179): string | undefined {
  if (isEstablished(protocol)) return undefined
  if (protocol.state === 'down') return 'it is switched off in BIRD'
  const { lastError, neighborAs } = protocol.bgp ?? {}
  const found = probe === undefined ? undefined : explainProbe(probe, neighborAs, port)
  const said = explainError(lastError)
  return [found, said].filter((part) => part !== undefined).join('; ') || 'no attempt has failed yet'
}

function explainProbe(probe: ProbeResult, expectedAs: number | undefined, port: number): string | undefined {
  switch (probe.kind) {
    case 'open':
      return expectedAs === undefined || probe.asNumber === expectedAs
        ? undefined
        : `the peer has AS number ${probe.asNumber}, and ${expectedAs} is configured here`
    case 'closed':
      return 'the peer does not know this node: it closes the connection'
    case 'mute':
      return `something listens on TCP port ${port} of the peer, and does not begin to speak BGP`
    case 'refused':
      return `nobody listens on TCP port ${port} of the peer`
    case 'silent':
      return `no answer from TCP port ${port} of the peer: it is down, the port is filtered, or it wants a password`
    case 'unreachable':
      return `the peer cannot be reached (${probe.code})`
    default:
      return assertNever(probe)
  }
}

/** What BIRD says of its last attempt, where that can be said better. */
function explainError(lastError: string | undefined): string | undefined {
  if (lastError === undefined) return undefined
  if (lastError === 'Received: Bad peer AS') return 'the peer expects another AS number of this node'
  return `BIRD's last error: ${lastError}`
}
