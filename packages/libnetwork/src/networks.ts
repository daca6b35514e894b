/**
 * What Docker told about its networks, kept in etcd: Docker tells it once, to one host, and never again.
 *
 * Each network has a profile of its name, which carries the name as a label and lets in whoever has that label.
 */
import { z } from 'zod'
import { findResourceName, legacyName, makeResource } from '@calico-node/model'
import { hasCode } from '@calico-node/core'
import type { DriverContext } from './context.ts'

const PREFIX = '/calico/libnetwork/v1/networks/'
const Record = z.object({ id: z.string(), pools: z.array(z.string()), name: z.string().optional() })

export type NetworkRecord = Readonly<z.output<typeof Record>>

export async function saveNetwork({ client }: DriverContext, record: NetworkRecord): Promise<void> {
  await client.store.put(`${PREFIX}${record.id}`, JSON.stringify(record))
}

export async function forgetNetwork({ client }: DriverContext, id: string): Promise<void> {
  await client.store.delete(`${PREFIX}${id}`).catch((err: unknown) => {
    if (!hasCode(err, 'NOT_FOUND')) throw err
  })
}

/** The name of a network: Docker tells it only when asked, and what it once told is remembered. */
export async function networkName(ctx: DriverContext, id: string): Promise<string> {
  const kv = await ctx.client.store.get(`${PREFIX}${id}`)
  const known: NetworkRecord = kv === undefined ? { id, pools: [] } : Record.parse(JSON.parse(kv.value))
  if (known.name !== undefined) return known.name
  const { Name: name } = await ctx.docker.network(id)
  await saveNetwork(ctx, { ...known, name })
  return name
}

/** @returns The name of the network's profile, which is there afterwards. */
export async function ensureProfile(ctx: DriverContext, network: string): Promise<string> {
  const name = findResourceName(network) === undefined ? legacyName(network) : network
  if (!ctx.config.CALICO_LIBNETWORK_CREATE_PROFILES) return name
  const rules = {
    labelsToApply: { [name]: '' },
    ingress: [{ action: 'Allow' as const, source: { selector: `has(${name})` } }],
    egress: [{ action: 'Allow' as const }],
  }
  await ctx.client.resources('Profile').ensure(makeResource('Profile', { name }, rules))
  return name
}
