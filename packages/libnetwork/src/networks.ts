/**
 * What Docker told about its networks, kept in etcd: Docker tells it once, to one host, and never again.
 *
 * Each network has a profile of its name, which carries the name as a label and lets in whoever has that label.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { CalicoError, hasCode } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { findResourceName, isLabelKey, legacyName, makeResource } from '@calico-node/model'
import type { DriverContext } from './context.ts'

const PREFIX = '/calico/libnetwork/v1/networks/'
const Stored = z.object({
  id: z.string(),
  /** Docker's CIDRs: those of IPPools, or the placeholders. */
  pools: z.array(z.string()),
  /** Which host was told of it. */
  node: z.string().optional(),
  scope: z.enum(['local', 'global']).optional(),
  /** Docker tells the name only when asked. */
  name: z.string().optional(),
})

export type NetworkRecord = Readonly<z.output<typeof Stored>>
type Store = Pick<CalicoClient, 'store'>

export async function saveNetwork({ store }: Store, record: NetworkRecord): Promise<void> {
  await store.put(`${PREFIX}${record.id}`, JSON.stringify(record))
}

/** Undefined for one that was made before its host had this plugin. @throws INVALID */
export async function findNetwork({ store }: Store, id: string): Promise<NetworkRecord | undefined> {
  const kv = await store.get(`${PREFIX}${id}`)
  return kv === undefined ? undefined : parseRecord(kv)
}

export async function listNetworks({ store }: Store): Promise<readonly NetworkRecord[]> {
  return (await store.list(PREFIX)).kvs.map(parseRecord)
}

/** Fine when there is no record. */
export async function forgetNetwork({ store }: Store, id: string): Promise<void> {
  await store.delete(`${PREFIX}${id}`).catch((err: unknown) => {
    if (!hasCode(err, 'NOT_FOUND')) throw err
  })
}

function parseRecord({ key, value }: { readonly key: string; readonly value: string }): NetworkRecord {
  try {
    return Stored.parse(JSON.parse(value))
  } catch (cause) {
    throw new CalicoError('INVALID', `Cannot read the network at ${key}: delete the key and make the network anew`, {
      cause,
    })
  }
}

/** The name of a network. What Docker once told is remembered. */
export async function networkName({ client, docker, node }: DriverContext, id: string): Promise<string> {
  const known = await findNetwork(client, id)
  if (known?.name !== undefined) return known.name
  const { Name: name } = await docker.network(id)
  await saveNetwork(client, { id, node, pools: [], ...known, name })
  return name
}

/** @returns The name of the network's profile, which is there afterwards. */
export async function ensureProfile({ client, config }: DriverContext, network: string): Promise<string> {
  const name = profileNameOf(network)
  if (!config.CALICO_LIBNETWORK_CREATE_PROFILES) return name
  const rules = {
    labelsToApply: { [name]: '' },
    ingress: [{ action: 'Allow' as const, source: { selector: `has(${name})` } }],
    egress: [{ action: 'Allow' as const }],
  }
  await client.resources('Profile').ensure(makeResource('Profile', { name }, rules))
  return name
}

/** The network's name where that can be the name of a resource and a label, else one that is made from it. Pure. */
export function profileNameOf(network: string): string {
  const name = findResourceName(network) === undefined ? legacyName(network) : network
  if (isLabelKey(name)) return name
  return `${name.slice(0, 54).replace(/[.-]+$/, '')}-${createHash('sha1').update(network).digest('hex').slice(0, 8)}`
}
