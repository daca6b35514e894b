import { CalicoError } from '@calico-node/core'
import {
  cidrBase,
  cidrOf,
  cidrPrefixLength,
  findCidr,
  ipFromBigInt,
  ipToBigInt,
  ipVersion,
  bitsOf,
  makeResource,
  type Cidr,
  type IPPoolResource,
} from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { text } from '../../cli/option.ts'
import { line } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

/** A power of two that is larger than one. @throws INVALID */
function parseParts(typed: string): number {
  const parts = Number(typed)
  if (/^\d{1,6}$/.test(typed) && parts > 1 && Number.isInteger(Math.log2(parts))) return parts
  throw new CalicoError('INVALID', `Cannot split into "${typed}": want a power of two that is larger than one`)
}

/**
 * The network in equal parts.
 *
 * @param smallest Prefix length of an address block, which no part may be smaller than.
 * @throws INVALID
 */
export function splitCidr(cidr: Cidr, parts: number, smallest: number): Cidr[] {
  const version = ipVersion(cidr)
  const prefixLength = cidrPrefixLength(cidr) + Math.log2(parts)
  if (prefixLength > smallest) {
    throw new CalicoError(
      'INVALID',
      `Cannot split ${cidr} into ${parts}: a part would be smaller than a block (/${smallest})`,
    )
  }
  const size = 1n << BigInt(bitsOf(version) - prefixLength)
  const base = ipToBigInt(cidrBase(cidr))
  return Array.from({ length: parts }, (_, i) => cidrOf(ipFromBigInt(base + BigInt(i) * size, version), prefixLength))
}

function findPool(
  pools: readonly IPPoolResource[],
  name: string | undefined,
  cidr: string | undefined,
): IPPoolResource {
  const network = cidr === undefined ? undefined : findCidr(cidr)
  const pool = pools.find(({ metadata, spec }) => (name === undefined ? spec.cidr === network : metadata.name === name))
  if (pool !== undefined) return pool
  const known = pools.map(({ metadata, spec }) => `${metadata.name} (${spec.cidr})`).join(', ')
  throw new CalicoError('NOT_FOUND', `Cannot find pool ${name ?? cidr ?? ''}: there are ${known}`)
}

export const command = defineCommand({
  args: ['<number>'],
  options: {
    cidr: text('--cidr <cidr>', 'the pool with this network'),
    name: text('--name <name>', 'the pool with this name'),
  },
  details:
    'Replaces a pool by that many equal pools with the same settings. Addresses and blocks stay with those who have ' +
    'them. The datastore must be locked, so that nobody takes an address meanwhile.',
  examples: [
    ['ipam split 4 --name=default-ipv4-ippool', 'four pools in place of one'],
    ['datastore migrate lock', 'needed before'],
  ],
  async run(context, [typed], { cidr, name }) {
    const parts = parseParts(typed)
    if ((cidr === undefined) === (name === undefined))
      throw new CalicoError('INVALID', 'Say which pool: --cidr or --name')
    const client = await writableClient(context)
    const cluster = await client.resources('ClusterInformation').get('default')
    if (cluster.spec.datastoreReady !== false) {
      throw new CalicoError('INVALID', 'The datastore is not locked: use "calicoctl datastore migrate lock" first')
    }
    const pools = client.resources('IPPool')
    const { metadata, spec } = findPool(await pools.list(), name, cidr)
    const wanted = splitCidr(spec.cidr, parts, spec.blockSize).map((network, i) =>
      makeResource('IPPool', { name: `split-${metadata.name}-${i}` }, { ...spec, cidr: network }),
    )
    // The parts come first: a crash in between leaves addresses in two pools, which is untidy, rather than in none.
    for (const pool of wanted) await pools.ensure(pool)
    await pools.delete(metadata.name)
    return {
      blocks: [
        line(
          `Successfully split pool ${metadata.name} into ${parts} pools: ${wanted.map((pool) => pool.spec.cidr).join(', ')}`,
        ),
      ],
    }
  },
})
