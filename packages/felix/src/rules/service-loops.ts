import type { Chain, IpVersion } from '@calico-node/linux'
import { type Cidr, compareCidrs, ipVersion } from '@calico-node/model'
import { CHAIN } from './names.ts'
import type { RuleSettings } from './settings.ts'
import { rule } from './vocabulary.ts'

/** Stops forwarded packets to service networks: what is still addressed so after the service proxy has seen it is nobody's. */
export function serviceLoopChain(networks: readonly Cidr[], version: IpVersion, { serviceLoops }: RuleSettings): Chain {
  const mine = networks.filter((cidr) => ipVersion(cidr) === version).toSorted(compareCidrs)
  const rules =
    serviceLoops === undefined
      ? []
      : mine.map((cidr) => rule([{ kind: 'net', side: 'destination', cidr }], serviceLoops))
  return { name: CHAIN.serviceLoops, rules }
}
