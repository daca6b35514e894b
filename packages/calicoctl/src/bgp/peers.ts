import { explainSession, isEstablished, mayProbe, probePeer, type BirdProtocolDetail } from '@calico-node/birdc'

/** A BGP session of this node, as BIRD sees it. */
export interface BgpPeer {
  readonly address: string
  readonly port?: number
  readonly type: 'node-to-node mesh' | 'global' | 'node specific'
  readonly state: string
  readonly since: string
  /** BGP state and what follows it: `Established`, `Connect Socket: Connection refused`. */
  readonly info: string
  readonly established: boolean
  readonly lastError?: string
  /** Why it is not established, for people. */
  readonly reason?: string
}

const TYPES: Readonly<Record<string, BgpPeer['type']>> = {
  Mesh: 'node-to-node mesh',
  Global: 'global',
  Node: 'node specific',
}
const NAME = /^(Mesh|Global|Node)_(.+?)(?:_port_(\d+))?$/

/** The peers among BIRD's protocols. The name of a protocol holds the peer's address, with `_` for `.` or `:`. */
export function peersOf(protocols: readonly BirdProtocolDetail[], version: 4 | 6): BgpPeer[] {
  return protocols.flatMap((protocol) => {
    const { name, proto, state, since, info, bgp } = protocol
    const [, kind = '', address = '', port] = NAME.exec(name) ?? []
    const type = TYPES[kind]
    if (proto !== 'BGP' || type === undefined) return []
    const peer: BgpPeer = {
      address: address.replaceAll('_', version === 4 ? '.' : ':'),
      type,
      state,
      since,
      info,
      established: isEstablished(protocol),
      ...(port !== undefined && { port: Number(port) }),
      ...(bgp?.lastError !== undefined && { lastError: bgp.lastError }),
    }
    return [peer]
  })
}

/** The peers with the reason why a session is not up; the ports of those that are not are asked for it. */
export async function explainedPeers(protocols: readonly BirdProtocolDetail[], version: 4 | 6): Promise<BgpPeer[]> {
  return Promise.all(
    protocols.flatMap((protocol) =>
      peersOf([protocol], version).map(async (peer) => {
        if (peer.established) return peer
        const { address, port } = peer
        const probe = mayProbe(protocol) ? await probePeer({ address, ...(port !== undefined && { port }) }) : undefined
        const reason = explainSession(protocol, probe, port)
        return reason === undefined ? peer : { ...peer, reason }
      }),
    ),
  )
}
