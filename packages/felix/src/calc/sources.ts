/** Which stored resources feed the graph, and as what. */
import {
  BLOCK_PREFIX,
  decodeResource,
  findBlockKey,
  findResourceKey,
  type Kind,
  type Resource,
  resourcePrefix,
} from '@calico-node/model'
import { globalNetworkSetInput, hostInput, networkSetInput, workloadInput } from './endpoint-inputs.ts'
import type { Input, InputKind, InputOf, InputValue } from './inputs.ts'
import { globalPolicyInput, networkPolicyInput, poolInput, profileInput, tierInput } from './policy-inputs.ts'
import type { SharedValues } from './shared-values.ts'
import { blockInput, clusterBgpInput, nodeInput, workloadPeerInput } from './routing-inputs.ts'

/** What is needed besides the resource itself. */
export interface ConversionRules {
  /** Whether endpoints may list prefixes that they send from without owning them; else such an endpoint is invalid. */
  readonly allowSpoofing: boolean
  readonly shared: SharedValues
}

/** A stored value under its key. */
export interface Stored {
  readonly value: string
  readonly modRevision: bigint
}

interface Source {
  readonly kind: Kind
  readonly read: (key: string, stored: Stored | undefined, rules: ConversionRules) => Input
}

function source<K extends Kind, I extends InputKind>(
  kind: K,
  input: I,
  convert: (resource: Resource<K>, key: string, rules: ConversionRules) => InputValue<I> | undefined,
) {
  return {
    kind,
    read: (key: string, stored: Stored | undefined, rules: ConversionRules): InputOf<I> => {
      const resource = stored && decodeResource(kind, stored.value, { key, modRevision: stored.modRevision })
      return { kind: input, key, value: resource && convert(resource, key, rules) }
    },
  }
}

const SOURCES: readonly Source[] = [
  source('WorkloadEndpoint', 'endpoint', (resource, key, rules) => workloadInput(key, resource, rules)),
  source('HostEndpoint', 'endpoint', (resource, key) => hostInput(key, resource)),
  source('GlobalNetworkSet', 'network-set', globalNetworkSetInput),
  source('NetworkSet', 'network-set', networkSetInput),
  source('GlobalNetworkPolicy', 'policy', (resource, key) => globalPolicyInput(key, resource)),
  source('NetworkPolicy', 'policy', (resource, key) => networkPolicyInput(key, resource)),
  source('Profile', 'profile', profileInput),
  source('Tier', 'tier', tierInput),
  source('IPPool', 'pool', poolInput),
  source('Node', 'node', nodeInput),
  source('BGPConfiguration', 'cluster-bgp', clusterBgpInput),
  source('BGPPeer', 'workload-peer', workloadPeerInput),
]

const BY_KIND = new Map(SOURCES.map((one) => [one.kind, one.read]))

/** What to follow in the store. Staged policies are left out: they are never enforced. */
export const GRAPH_PREFIXES: readonly string[] = SOURCES.map(({ kind }) => resourcePrefix(kind))
/** What to follow as well while {@link CalcGraph.needsBlocks}. */
export { BLOCK_PREFIX }

/**
 * The fact that a stored value stands for; `stored` undefined means that the key does not exist.
 *
 * @returns Undefined for a key that is none of the graph's business.
 * @throws INVALID, naming field and reason.
 */
export function readInput(key: string, stored: Stored | undefined, rules: ConversionRules): Input | undefined {
  if (key.startsWith(BLOCK_PREFIX)) return readBlock(key, stored)
  const found = findResourceKey(key)
  return found && BY_KIND.get(found.kind)?.(key, stored, rules)
}

function readBlock(key: string, stored: Stored | undefined): Input | undefined {
  if (findBlockKey(key) === undefined) return undefined
  return { kind: 'block', key, value: stored && blockInput(key, stored.value) }
}
