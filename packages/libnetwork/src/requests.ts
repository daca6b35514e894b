/** The requests of Docker's plugin protocol, as far as the drivers look at them. Field names are Docker's. Pure. */
import { z } from 'zod'
import { CalicoError } from '@calico-node/core'

const text = z.string('want a text').default('')
const options = z.record(z.string(), z.unknown(), 'want an object').nullish()
/** Interfaces are named after identifiers. */
const id = z.string('want a text').regex(/^[0-9A-Za-z]{11,}$/, 'want an identifier of at least 11 letters and digits')

const IpamData = z.object({
  AddressSpace: text,
  Gateway: text,
  Pool: text,
  AuxAddresses: z.record(z.string(), z.unknown()).nullish(),
})

export const Nothing = z.unknown()
export const PoolRequest = z.object({ Pool: text, SubPool: text, V6: z.boolean().default(false), Options: options })
export const AddressRequest = z.object({ PoolID: z.string('want a text'), Address: text, Options: options })
export const NetworkRequest = z.object({
  NetworkID: id,
  Options: options,
  IPv4Data: z.array(IpamData).nullish(),
  IPv6Data: z.array(IpamData).nullish(),
})
export const NetworkReference = z.object({ NetworkID: id })
export const EndpointRequest = z.object({
  NetworkID: id,
  EndpointID: id,
  Options: options,
  Interface: z.object({ Address: text, AddressIPv6: text, MacAddress: text }).nullish(),
})
export const EndpointReference = z.object({ EndpointID: id })
export const JoinRequest = z.object({
  EndpointID: id,
  SandboxKey: z.string('want a text').min(1, 'want the path of a network namespace'),
})

export type PoolRequest = z.output<typeof PoolRequest>
export type AddressRequest = z.output<typeof AddressRequest>
export type NetworkRequest = z.output<typeof NetworkRequest>
export type EndpointRequest = z.output<typeof EndpointRequest>
export type JoinRequest = z.output<typeof JoinRequest>

export type Method = (body: unknown) => Promise<object>
/** `Class.Method` to what answers it. */
export type Methods = ReadonlyMap<string, Method>

/** An entry of {@link Methods}: `serve` gets only requests that fit. */
export const method = <T>(
  name: string,
  schema: z.ZodType<T>,
  serve: (request: T) => Promise<object>,
): readonly [string, Method] => [name, async (body) => serve(parseRequest(name, schema, body))]

/**
 * @param body undefined: the request had none
 * @throws INVALID naming every field that does not fit
 */
function parseRequest<T>(name: string, schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body ?? {})
  if (result.success) return result.data
  // https://github.com/moby/moby/issues/39331
  if (body === undefined)
    throw new CalicoError(
      'INVALID',
      `Cannot answer ${name}: the request is empty, as Docker repeats one during which the plugin was killed: try again`,
    )
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'request'}: ${message}`)
  throw new CalicoError('INVALID', `Cannot answer ${name}: ${problems.join('; ')}`)
}
