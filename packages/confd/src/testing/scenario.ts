import { createHash } from 'node:crypto'
import type { KeyUpdate } from '@calico-node/datastore'
import { affinityKey, encodeResource, parseCidr, parseIp, parseResource, resourceKey } from '@calico-node/model'
import { z } from 'zod'
import { FactStore } from '../facts/fact-store.ts'
import type { Facts, Problem, Surroundings } from '../model/facts.ts'
import { resolveConfig } from '../params.ts'

const texts = z.record(z.string(), z.string()).default({})

/** What a test puts into the datastore and around confd, as its files write it. */
export const scenarioSchema = z.strictObject({
  about: z.string().describe('One sentence.'),
  node: z.string(),
  environment: texts,
  blocks: texts.describe('Affinities of the node: CIDR to state.'),
  secrets: texts.describe('`name/key` to password.'),
  workloads: z
    .array(z.strictObject({ peer: z.string(), ips: z.array(z.string()) }))
    .default([])
    .describe('Workloads of the node that BGPPeers choose, as Felix tells.'),
  resources: z
    .array(z.looseObject({ metadata: z.looseObject({}), spec: z.unknown() }))
    .default([])
    .describe('v3 documents; they must be valid.'),
  stored: texts.describe('Keys with values that need not be valid.'),
})
export type Scenario = Readonly<z.output<typeof scenarioSchema>>
export type ScenarioInput = z.input<typeof scenarioSchema>

const update = (key: string, value: string): KeyUpdate => ({
  key,
  kv: { key, value, createRevision: 1n, modRevision: 1n },
})

/** What a datastore with these resources tells, by the same keys and values. */
export function updatesOf({ node, resources, blocks, stored }: Scenario): readonly KeyUpdate[] {
  return [
    ...resources.map((document) => {
      const resource = parseResource(document)
      return update(resourceKey(resource.kind, resource.metadata.name), encodeResource(resource))
    }),
    ...Object.entries(blocks).map(([cidr, state]) =>
      update(affinityKey(node, parseCidr(cidr)), state === '' ? '' : JSON.stringify({ state })),
    ),
    ...Object.entries(stored).map(([key, value]) => update(key, value)),
  ]
}

export function factsOf(scenario: Scenario): { facts: Facts; problems: readonly Problem[] } {
  const store = new FactStore(scenario.node)
  store.apply(updatesOf(scenario))
  store.setSecrets(new Map(Object.entries(scenario.secrets)))
  store.setWorkloads(scenario.workloads.map(({ peer, ips }) => ({ peer, ips: ips.map((ip) => parseIp(ip)) })))
  return { facts: store.facts(), problems: store.problems() }
}

export function surroundingsOf({ node, environment }: Pick<Scenario, 'node' | 'environment'>): Surroundings {
  const config = resolveConfig({ ...environment, NODENAME: node })
  return {
    node,
    routerId: config.CALICO_ROUTER_ID,
    restartWaitSeconds: config.CALICO_BGP_GRACEFUL_RESTART_WAIT,
    clusterIps: config.CALICO_ADVERTISE_CLUSTER_IPS,
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
  }
}
