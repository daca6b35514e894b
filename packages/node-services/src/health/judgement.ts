/** When BIRD counts as ready. Pure. */
import type { BirdProtocol } from '@calico-node/birdc'

export interface Verdict {
  readonly ok: boolean
  /** For people: what was seen, and of what is wrong all of it. */
  readonly detail: string
}

export interface BirdState {
  readonly protocols: readonly BirdProtocol[]
  /** A graceful restart is in progress. */
  readonly recovering: boolean
  /** Since this node was set up. */
  readonly nodeAgeMs: number
  /** A younger node has to have all of its sessions, an older one a single one. */
  readonly thresholdMs: number
}

/** Names that confd gives to sessions with other nodes, reflectors and routers; sessions with workloads do not count. */
const PEER = /^(?:Mesh|Global|Node)_/

/**
 * Just after a start, ready means that a rolling upgrade may go on to the next node: everything is back. Later it means that
 * this node is not cut off: peers that are down are their own trouble, but without any session routes are growing stale.
 */
export function judgeBird({ protocols, recovering, nodeAgeMs, thresholdMs }: BirdState): Verdict {
  const peers = protocols.filter(({ proto, name }) => proto === 'BGP' && PEER.test(name))
  const down = peers.filter(({ info }) => info.split(' ')[0] !== 'Established')
  const names = down.map(({ name, info, state }) => `${name} ${info === '' ? state : info}`).join(', ')
  const up = peers.length - down.length
  const counted = `${up} of ${peers.length} sessions established`
  if (nodeAgeMs < thresholdMs && recovering) return { ok: false, detail: 'graceful restart in progress' }
  if (peers.length === 0) return { ok: true, detail: 'no peers' }
  const ok = nodeAgeMs < thresholdMs ? down.length === 0 : up > 0
  return { ok, detail: down.length === 0 ? counted : `${counted}; ${names}` }
}
