/** The resources around IPAM that its decisions depend on. */
import { parseCidr, type IpVersion } from '@calico-node/model'
import { mergeRanges, type AddressRange } from './address-ranges.ts'
import type { IpamContext } from './context.ts'
import type { Pool } from './pools.ts'

/** The addresses of each IP version that automatic assignment has to leave alone. */
export type Reservations = Readonly<Record<IpVersion, readonly AddressRange[]>>

export const readPools = (ctx: IpamContext): Promise<readonly Pool[]> => ctx.client.resources('IPPool').list()

export async function readReservations(ctx: IpamContext): Promise<Reservations> {
  const resources = await ctx.client.resources('IPReservation').list()
  const cidrs = resources.flatMap(({ spec }) => (spec.reservedCIDRs ?? []).map((text) => parseCidr(text)))
  return { 4: mergeRanges(cidrs, 4), 6: mergeRanges(cidrs, 6) }
}
