/**
 * Docker's IPAM driver: addresses from Calico's pools.
 *
 * A pool of Docker's is an IPPool by name, or a placeholder for all of a family. Docker does not say which endpoint an
 * address is for, so each address has a handle of its own, which tells the node: that is how orphans are found.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { CalicoError } from '@calico-node/core'
import { hostCidr, ipVersion, parseCidr, parseIp, type Cidr, type Ip } from '@calico-node/model'
import type { DriverContext } from './context.ts'
import type { Methods } from './plugin-server.ts'

const ANY = { 4: { id: 'CalicoPoolIPv4', cidr: '0.0.0.0/0' }, 6: { id: 'CalicoPoolIPv6', cidr: '::/0' } } as const
const SPACES = {
  LocalDefaultAddressSpace: 'CalicoLocalAddressSpace',
  GlobalDefaultAddressSpace: 'CalicoGlobalAddressSpace',
}
const GATEWAY_REQUEST = 'com.docker.network.gateway'

const options = z.record(z.string(), z.unknown()).nullish()
const PoolRequest = z.object({
  Pool: z.string().default(''),
  SubPool: z.string().default(''),
  V6: z.boolean().default(false),
  Options: options,
})
const AddressRequest = z.object({ PoolID: z.string(), Address: z.string().default(''), Options: options })

/** What the handles of a node begin with. */
export const handlePrefix = (node: string): string => `libnetwork.${node}.`

export function ipamMethods(ctx: DriverContext): Methods {
  return new Map<string, (request: unknown) => Promise<object>>([
    ['Plugin.Activate', async () => ({ Implements: ['IpamDriver'] })],
    ['IpamDriver.GetCapabilities', async () => ({ RequiresMACAddress: false, RequiresRequestReplay: false })],
    ['IpamDriver.GetDefaultAddressSpaces', async () => SPACES],
    ['IpamDriver.RequestPool', (request) => requestPool(ctx, PoolRequest.parse(request))],
    ['IpamDriver.ReleasePool', async () => ({})],
    ['IpamDriver.RequestAddress', (request) => requestAddress(ctx, AddressRequest.parse(request))],
    ['IpamDriver.ReleaseAddress', (request) => releaseAddress(ctx, AddressRequest.parse(request))],
  ])
}

async function requestPool(ctx: DriverContext, request: z.output<typeof PoolRequest>): Promise<object> {
  const { Pool, SubPool, V6, Options } = request
  if (SubPool !== '') throw refused('--ip-range')
  const [option] = Object.keys(Options ?? {})
  if (option !== undefined) throw refused(`--ipam-opt ${option}`)
  const any = ANY[V6 ? 6 : 4]
  // The gateway is given here so that Docker does not ask for an address of the pool for it.
  const answer = (PoolID: string, cidr: string): object => ({
    PoolID,
    Pool: cidr,
    Data: { [GATEWAY_REQUEST]: any.cidr },
  })
  if (Pool === '') return answer(any.id, any.cidr)
  const wanted = parseCidr(Pool)
  const pool = (await ctx.client.resources('IPPool').list()).find(({ spec }) => spec.cidr === wanted)
  if (pool !== undefined) return answer(pool.metadata.name, pool.spec.cidr)
  throw new CalicoError('INVALID', `The requested subnet ${Pool} must be the CIDR of a configured Calico IP pool`)
}

async function requestAddress(ctx: DriverContext, request: z.output<typeof AddressRequest>): Promise<object> {
  if (request.Options?.['RequestAddressType'] === GATEWAY_REQUEST) throw refused('--gateway')
  const { node, ipam } = ctx
  const handle = `${handlePrefix(node)}${randomUUID()}`
  if (request.Address !== '') {
    const ip = parseIp(request.Address)
    await ipam.assignIp({ node, ip, handle })
    return addressAnswer(ip)
  }
  const version = request.PoolID === ANY[6].id ? 6 : 4
  const pool = await poolOf(ctx, request.PoolID)
  const { ips, shortfall } = await ipam.autoAssign({
    node,
    handle,
    use: 'Workload',
    version: pool === undefined ? version : ipVersion(pool),
    ...(pool !== undefined && { pools: [pool] }),
  })
  const [first] = ips
  if (first !== undefined) return addressAnswer(first.ip)
  throw shortfall ?? new CalicoError('EXHAUSTED', `Cannot assign an address from ${request.PoolID}`)
}

const addressAnswer = (ip: Ip): object => ({ Address: hostCidr(ip), Data: {} })

/** Undefined for the placeholders. */
async function poolOf({ client }: DriverContext, id: string): Promise<Cidr | undefined> {
  if (id === ANY[4].id || id === ANY[6].id) return undefined
  return (await client.resources('IPPool').get(id)).spec.cidr
}

/** Docker also gives back the gateway that it never got. What nobody has is fine. */
async function releaseAddress({ ipam }: DriverContext, { Address }: z.output<typeof AddressRequest>): Promise<object> {
  const ip = parseIp(Address.replace(/\/\d+$/, ''))
  if (ip !== '0.0.0.0' && ip !== '::') await ipam.releaseIps([{ ip }])
  return {}
}

const refused = (option: string): CalicoError =>
  new CalicoError('UNSUPPORTED', `Calico IPAM does not support ${option}`)
