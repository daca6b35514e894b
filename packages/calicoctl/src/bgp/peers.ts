import type { BirdProtocolDetail } from '@calico-node/birdc'

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
}

const TYPES: Readonly<Record<string, BgpPeer['type']>> = {
  Mesh: 'node-to-node mesh',
  Global: 'global',
  Node: 'node specific',
}
const NAME = /^(Mesh|Global|Node)_(.+?)(?:_port_(\d+))?$/

/** The peers among BIRD's protocols. The name of a protocol holds the peer's address, with `_` for `.` or `:`. */
export function peersOf(protocols: readonly BirdProtocolDetail[], version: 4 | 6): BgpPeer[] {
  return protocols.flatMap(({ name, proto, state, since, info, bgp }) => {
    const [, kind = '', address = '', port] = NAME.exec(name) ?? []
    const type = TYPES[kind]
    if (proto !== 'BGP' || type === undefined) return []
    const peer: BgpPeer = {
      address: address.replaceAll('_', version === 4 ? '.' : ':'),
      type,
      state,
      since,
      info,
      established: info.split(' ')[0] === 'Established',
      ...(port !== undefined && { port: Number(port) }),
      ...(bgp?.lastError !== undefined && { lastError: bgp.lastError }),
    }
    return [peer]
  })
}
