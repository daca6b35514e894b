/** Docker's IPAM driver: a pool of Docker's is an IPPool by name, or a placeholder for all of a family. */
import { CalicoError } from '@calico-node/core'
import { cidrContains, hostCidr, ipVersion, parseCidr, parseIp, type Cidr, type Ip } from '@calico-node/model'
import type { DriverContext } from './context.ts'
import { assertNoGateway, assertPoolOptions, GATEWAY, NO_GATEWAY } from './refusals.ts'
import { AddressRequest, method, Nothing, PoolRequest, type Methods } from './requests.ts'

const ANY = { 4: { id: 'CalicoPoolIPv4', cidr: '0.0.0.0/0' }, 6: { id: 'CalicoPoolIPv6', cidr: '::/0' } } as const
const SPACES = {
  LocalDefaultAddressSpace: 'CalicoLocalAddressSpace',
  GlobalDefaultAddressSpace: 'CalicoGlobalAddressSpace',
}

export function ipamMethods(ctx: DriverContext): Methods {
  return new Map([
    method('Plugin.Activate', Nothing, async () => ({ Implements: ['IpamDriver'] })),
    method('IpamDriver.GetCapabilities', Nothing, async () => ({
      RequiresMACAddress: false,
      RequiresRequestReplay: false,
    })),
    method('IpamDriver.GetDefaultAddressSpaces', Nothing, async () => SPACES),
    method('IpamDriver.RequestPool', PoolRequest, (request) => requestPool(ctx, request)),
    method('IpamDriver.ReleasePool', Nothing, async () => ({})),
    method('IpamDriver.RequestAddress', AddressRequest, (request) => requestAddress(ctx, request)),
    method('IpamDriver.ReleaseAddress', AddressRequest, (request) => releaseAddress(ctx, request)),
  ])
}

async function requestPool(ctx: DriverContext, request: PoolRequest): Promise<object> {
  assertPoolOptions(request)
  const { Pool, V6 } = request
  const version = V6 ? 6 : 4
  const answer = (PoolID: string, cidr: string): object => ({
    PoolID,
    Pool: cidr,
    Data: { [GATEWAY]: NO_GATEWAY[version] },
  })
  if (Pool === '') return answer(ANY[version].id, ANY[version].cidr)
  const wanted = parseCidr(Pool)
  const pool = (await ctx.client.resources('IPPool').list()).find(({ spec }) => spec.cidr === wanted)
  if (pool !== undefined && pool.spec.disabled !== true) return answer(pool.metadata.name, pool.spec.cidr)
  throw new CalicoError(
    'INVALID',
    `The requested subnet ${Pool} must be the CIDR of a configured Calico IP pool${
      pool === undefined ? ': see "calicoctl get ipPool"' : `: the pool ${pool.metadata.name} is disabled`
    }`,
  )
}

async function requestAddress(ctx: DriverContext, { PoolID, Address, Options }: AddressRequest): Promise<object> {
  assertNoGateway(Options)
  const version = PoolID === ANY[6].id ? 6 : 4
  const pool = await poolOf(ctx, PoolID)
  if (Address === '') return addressAnswer(await ctx.addresses.takeAny(pool ? ipVersion(pool) : version, pool))
  const ip = parseIp(Address)
  if (pool !== undefined && !cidrContains(pool, ip))
    throw new CalicoError('INVALID', `Cannot assign ${ip}: it is not of the network's pool ${pool}`)
  await ctx.addresses.take(ip)
  return addressAnswer(ip)
}

const addressAnswer = (ip: Ip): object => ({ Address: hostCidr(ip), Data: {} })

/** Undefined for the placeholders. */
async function poolOf({ client }: DriverContext, id: string): Promise<Cidr | undefined> {
  if (id === ANY[4].id || id === ANY[6].id) return undefined
  return (await client.resources('IPPool').get(id)).spec.cidr
}

/** Docker also gives back the gateway that it never got. */
async function releaseAddress({ addresses }: DriverContext, { Address }: AddressRequest): Promise<object> {
  const ip = parseIp(Address.replace(/\/\d+$/, ''))
  if (ip !== '0.0.0.0' && ip !== '::') await addresses.release(ip)
  return {}
}
