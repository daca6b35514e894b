/**
 * Names of IP sets: hashes of what is in them, so that rules of any owner that need the same set share it (felix.md
 * 5.1).
 */
import { createHash } from 'node:crypto' // a pure function, unlike the rest of node:
import type { Selector } from '@calico-node/selector'
import type { PortProtocol } from './inputs.ts'
import type { SetId } from './messages.ts'

/** What an active set holds: what the selector chooses, or the ports of that name among it. */
export interface SetSpec {
  readonly id: SetId
  readonly selector: Selector
  readonly port?: { readonly protocol: PortProtocol; readonly name: string }
}

const uniqueId = (prefix: string, content: string): SetId =>
  `${prefix}:${createHash('sha224').update(`${prefix}:${content}`).digest('base64url')}`

/** Addresses of everything that the selector chooses. */
export const selectorSet = (selector: Selector): SetSpec => ({ id: uniqueId('s', selector.text), selector })

/** Address, protocol and port of every endpoint that the selector chooses and that names such a port. */
export const namedPortSet = (selector: Selector, protocol: PortProtocol, name: string): SetSpec => ({
  id: uniqueId('n', `${uniqueId('s', selector.text)},${protocol},${name}`),
  selector,
  port: { protocol, name },
})
