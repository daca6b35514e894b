/** Which local endpoint is a BGP peer of this node, and by which BGPPeer. */
import { Groups } from './groups.ts'
import type { EndpointInput, Labels, WorkloadPeerInput } from './inputs.ts'
import { LabelIndex } from './label-index.ts'
import type { ProfileId } from './messages.ts'

export class WorkloadPeers {
  readonly #changed: (endpoint: string) => void
  readonly #peersOf = new Groups<string, string>()
  readonly #index = new LabelIndex<EndpointInput>((peer, before, after) => {
    if (before?.key === after?.key) return
    if (before !== undefined) this.#peersOf.delete(before.key, peer)
    if (after !== undefined) this.#peersOf.add(after.key, peer)
    const key = (after ?? before)?.key
    if (key !== undefined) this.#changed(key)
  })

  /** @param changed told the key of each endpoint whose peers have changed */
  constructor(changed: (endpoint: string) => void) {
    this.#changed = changed
  }

  setEndpoint(key: string, endpoint: EndpointInput | undefined): void {
    this.#index.setItem(key, endpoint)
  }

  setProfileLabels(id: ProfileId, labels: Labels | undefined): void {
    this.#index.setParent(id, labels)
  }

  setPeer(name: string, peer: WorkloadPeerInput | undefined): void {
    this.#index.setSelector(name, peer?.selector)
  }

  /** Of several the first by name. */
  peerOf(endpoint: string): string | undefined {
    return [...this.#peersOf.of(endpoint)].toSorted()[0]
  }
}
