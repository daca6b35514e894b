import { cidrText, list, object, opt } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { KindDefinition } from './definition.ts'

export const ipReservationSpec = object({
  reservedCIDRs: opt(list(cidrText()), 'Addresses that are not assigned automatically.'),
})

export type IPReservationSpec = Output<typeof ipReservationSpec>

export const ipReservation: KindDefinition<typeof ipReservationSpec, IPReservationSpec> = {
  plural: 'ipreservations',
  namespaced: false,
  aliases: ['reservation', 'reservations'],
  summary: 'Addresses that stay unassigned unless somebody asks for them.',
  spec: ipReservationSpec,
}
