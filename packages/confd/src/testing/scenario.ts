import { createHash } from 'node:crypto'
import type { KeyUpdate } from '@calico-node/datastore'
import { affinityKey, encodeResource, parseCidr, parseResource, resourceKey } from '@calico-node/model'
import { FactStore } from '../facts/fact-store.ts'
import type { Facts, Problem, Surroundings } from '../model/facts.ts'
import { resolveConfig } from '../params.ts'

/** What a test puts into the datastore and around confd, as its files write it. */
export interface Scenario {
  /** One sentence. */
  readonly about: string
  readonly node: string
  readonly environment?: Readonly<Record<string, string>>
  /** Affinities of the node: CIDR to state. */
  readonly blocks?: Readonly<Record<string, string>>
  /** `name/key` to password. */
  readonly secrets?: Readonly<Record<string, string>>
  /** v3 documents; they must be valid. */
  readonly resources?: readonly unknown[]
  /** Keys with values that need not be valid. */
  readonly stored?: Readonly<Record<string, string>>
}

const update = (key: string, value: string): KeyUpdate => ({ key, kv: { key, value, createRevision: 1n, modRevision: 1n } })

/** What a datastore with these resources tells, by the same keys and values. */
export function updatesOf({ node, resources = [], blocks = {}, stored = {} }: Scenario): readonly KeyUpdate[] {
  return [
    ...resources.map((document) => {
      const resource = parseResource(document)
      return update(resourceKey(resource.kind, resource.metadata.name), encodeResource(resource))
    }),
    ...Object.entries(blocks).map(([cidr, state]) => update(affinityKey(node, parseCidr(cidr)), state === '' ? '' : JSON.stringify({ state }))),
    ...Object.entries(stored).map(([key, value]) => update(key, value)),
  ]
}

export function factsOf(scenario: Scenario): { facts: Facts; problems: readonly Problem[] } {
  const store = new FactStore(scenario.node)
  store.apply(updatesOf(scenario))
  store.setSecrets(new Map(Object.entries(scenario.secrets ?? {})))
  return { facts: store.facts(), problems: store.problems() }
}

export function surroundingsOf({ node, environment = {} }: Pick<Scenario, 'node' | 'environment'>): Surroundings {
  const config = resolveConfig({ ...environment, NODENAME: node })
  return {
    node,
    routerId: config.CALICO_ROUTER_ID,
    restartWaitSeconds: config.CALICO_BGP_GRACEFUL_RESTART_WAIT,
    clusterIps: config.CALICO_ADVERTISE_CLUSTER_IPS,
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  }
}
