import { CalicoError } from '@calico-node/core'
import { makeResource, parseIp, parseNet, type Cidr, type IPPoolResource } from '@calico-node/model'
import type { CalicoClient } from '@calico-node/datastore'
import { defineCommand } from '../../cli/command.ts'
import { flag } from '../../cli/option.ts'
import { poolName } from '../../documents/names.ts'
import { cidrsOfRange } from '../../documents/ranges.ts'
import { line, lines, type Block } from '../../output/block.ts'
import { deleteResource } from '../../resources/cascade.ts'
import { createResource } from '../../resources/operations.ts'
import { StoreView } from '../../resources/store-view.ts'
import { writableClient } from '../../resources/session.ts'

const addOptions = {
  ipip: flag('--ipip', 'carry traffic between hosts in IP-in-IP tunnels'),
  natOutgoing: flag('--nat-outgoing', 'masquerade traffic that leaves all pools'),
}

interface PoolWish {
  readonly ipip: boolean
  readonly natOutgoing: boolean
}

async function addPools(client: CalicoClient, cidrs: readonly Cidr[], { ipip, natOutgoing }: PoolWish): Promise<void> {
  const pools = cidrs.map((cidr) =>
    makeResource('IPPool', { name: poolName(cidr) }, { cidr, ipipMode: ipip ? 'Always' : 'Never', natOutgoing }),
  )
  for (const pool of pools) await createResource(new StoreView(client), pool)
}

export const addCommand = defineCommand({
  args: ['<cidr...>'],
  options: addOptions,
  examples: [['pool add 10.65.0.0/16 --nat-outgoing', 'a pool whose workloads reach the world']],
  async run(context, [typed], wish) {
    const cidrs = typed.map(parseNet)
    await addPools(await writableClient(context), cidrs, wish)
    return { blocks: lines(...cidrs.map((cidr) => `Pool ${cidr} added`)) }
  },
})

export const rangeCommand = defineCommand({
  args: ['<first>', '<last>'],
  options: addOptions,
  details: 'The range becomes as few pools as it takes.',
  examples: [['pool range add 10.65.0.0 10.65.2.255', 'two pools: 10.65.0.0/23 and 10.65.2.0/24']],
  async run(context, [first, last], wish) {
    const cidrs = cidrsOfRange(parseIp(first), parseIp(last))
    await addPools(await writableClient(context), cidrs, wish)
    return { blocks: lines(...cidrs.map((cidr) => `Pool ${cidr} added`)) }
  },
})

export const removeCommand = defineCommand({
  args: ['<cidr...>'],
  options: { force: flag('--force', 'also when addresses of it are in use: they stay with their workloads') },
  examples: [['pool remove 10.65.0.0/16', 'delete the pool, whatever its name']],
  async run(context, [typed], { force }) {
    const cidrs = typed.map(parseNet)
    const client = await writableClient(context)
    const pools = await client.resources('IPPool').list()
    const found = cidrs.map((cidr) => {
      const pool = pools.find(({ spec }) => spec.cidr === cidr)
      if (pool === undefined)
        throw new CalicoError(
          'NOT_FOUND',
          `${cidr} is not a configured pool; there are ${pools.map(({ spec }) => spec.cidr).join(', ')}`,
        )
      return pool
    })
    for (const { metadata } of found)
      await deleteResource({ client, ipam: () => context.ipam() }, { kind: 'IPPool', name: metadata.name, force })
    return { blocks: lines(...cidrs.map((cidr) => `Pool ${cidr} removed`)) }
  },
})

function poolTable(version: 4 | 6, pools: readonly IPPoolResource[]): Block[] {
  const family = pools.filter(({ spec }) => spec.cidr.includes(':') === (version === 6))
  if (family.length === 0) return [line(`No IPv${version} pools`)]
  const rows = family.map(({ spec }) => [
    spec.cidr,
    [
      ...(spec.ipipMode === 'Never' ? [] : ['ipip']),
      ...(spec.vxlanMode === 'Never' ? [] : ['vxlan']),
      ...(spec.natOutgoing === true ? ['nat-outgoing'] : []),
      ...(spec.disabled === true ? ['disabled'] : []),
    ].join(','),
  ])
  return [{ kind: 'grid', columns: [`IPv${version} CIDR`, 'Options'], rows }]
}

export const showCommand = defineCommand({
  args: [],
  options: { ipv4: flag('--ipv4', 'IPv4 only'), ipv6: flag('--ipv6', 'IPv6 only') },
  examples: [['pool show', 'all pools with their options']],
  async run(context, _, { ipv4, ipv6 }) {
    const pools = await (await context.client()).resources('IPPool').list()
    const versions = ([4, 6] as const).filter((version) => ipv4 === ipv6 || (version === 4 ? ipv4 : ipv6))
    return { blocks: versions.flatMap((version) => poolTable(version, pools)) }
  },
})
