/** The resources around IPAM that its decisions depend on. */
import { parseCidr, type IpVersion } from '@calico-node/model'
import { mergeRanges, type AddressRange } from './address-ranges.ts'
import type { IpamContext } from './context.ts'
import type { Pool } from './pools.ts'

export const readPools = (ctx: IpamContext): Promise<readonly Pool[]> => ctx.client.resources('IPPool').list()

/** The addresses of that IP version that automatic assignment has to leave alone. */
export async function readReservations(ctx: IpamContext, version: IpVersion): Promise<readonly AddressRange[]> {
  const reservations = await ctx.client.resources('IPReservation').list()
  return mergeRanges(
    reservations.flatMap(({ spec }) => (spec.reservedCIDRs ?? []).map((text) => parseCidr(text))),
    version,
  )
}
