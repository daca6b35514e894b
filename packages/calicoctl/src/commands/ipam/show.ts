import type { Borrowed, IpamUsage } from '@calico-node/ipam'
import { findIp, type Ip } from '@calico-node/model'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, oneOf, text } from '../../cli/option.ts'
import { line, lines, type Block } from '../../output/block.ts'
import { fiveDigits, share } from '../../output/figures.ts'

interface Figures {
  readonly cidr: string
  readonly total: bigint
  readonly inUse: bigint
  readonly reserved: bigint
}

/** How full pools, and the blocks in them, are. Pure. */
export function usageTable({ pools }: IpamUsage, opts: { blocks: boolean; reserved: boolean }): Block {
  const row = (grouping: string, { cidr, total, inUse, reserved }: Figures): string[] => [
    grouping,
    cidr,
    fiveDigits(total),
    share(inUse, total),
    ...(opts.reserved ? [share(reserved, total)] : []),
    share(total - inUse - (opts.reserved ? reserved : 0n), total),
  ]
  const rows = pools.flatMap((pool) => [
    row('IP Pool', pool),
    ...(opts.blocks ? pool.blocks.map((block) => row('Block', block)) : []),
  ])
  const columns = [
    'GROUPING',
    'CIDR',
    'IPS TOTAL',
    'IPS IN USE',
    ...(opts.reserved ? ['IPS RESERVED'] : []),
    'IPS FREE',
  ]
  return { kind: 'grid', columns, rows }
}

/** Addresses used by another node than the one whose block they are in. Pure. */
export function borrowedTable(borrowed: readonly Borrowed[]): Block {
  const rows = borrowed.map(({ ip, borrower, block, blockOwner, allocation: { attributes } }) => [
    ip,
    borrower,
    block,
    blockOwner?.replace(/^(host|virtual):/, '') ?? '',
    attributes['type'] ?? (attributes['pod'] === undefined ? '' : 'pod'),
    attributes['pod'] === undefined ? '' : `${attributes['namespace'] ?? ''}/${attributes['pod']}`,
  ])
  return { kind: 'grid', columns: ['IP', 'BORROWING-NODE', 'BLOCK', 'BLOCK OWNER', 'TYPE', 'ALLOCATED-TO'], rows }
}

/** The complaint that scripts know: on standard output, exit status 1. */
export const badAddress = (typed: string): Outcome => ({
  blocks: [line(`Error executing command: invalid IP address specified: ${typed}`)],
  exitCode: 1,
})

async function showAddress(context: Context, ip: Ip): Promise<Outcome> {
  const holder = await (await context.ipam()).findHolder(ip)
  if (holder === undefined) return { blocks: [line(`${ip} is not assigned`)] }
  const attributes = Object.entries(holder.attributes).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return {
    blocks: [
      line(`IP ${ip} is in use`),
      ...(holder.handle === undefined ? [] : [line(`Handle ID: ${holder.handle}`)]),
      ...(attributes.length === 0 ? [] : [line('Active Owner Attributes:')]),
      ...lines(...attributes.map(([key, value]) => `  ${key}: ${value}`)),
    ],
  }
}

async function showConfiguration(context: Context): Promise<Outcome> {
  const { strictAffinity, autoAllocateBlocks, maxBlocksPerHost } = await (await context.ipam()).config()
  const rows = [
    ['StrictAffinity', String(strictAffinity)],
    ['AutoAllocateBlocks', String(autoAllocateBlocks)],
    ['MaxBlocksPerHost', String(maxBlocksPerHost)],
  ]
  return { blocks: [{ kind: 'grid', columns: ['PROPERTY', 'VALUE'], rows }] }
}

export const command = defineCommand({
  args: [],
  options: {
    ip: text('--ip <ip>', 'who has this address'),
    showBlocks: flag('--show-blocks', 'show the blocks of each pool too'),
    showReserved: flag('--show-reserved', 'show how many addresses reservations keep back'),
    showBorrowed: flag('--show-borrowed', 'show addresses that a node took from the block of another'),
    showConfiguration: flag('--show-configuration', 'show the settings of address management'),
    output: oneOf('-o, --output <format>', 'print pools and blocks as', ['json']),
  },
  examples: [
    ['ipam show', 'how full the pools are'],
    ['ipam show --show-blocks', 'the same, with the blocks that nodes hold'],
    ['ipam show --ip=192.168.1.1', 'who has an address'],
  ],
  async run(context, _, { ip, showBlocks, showReserved, showBorrowed, showConfiguration: configuration, output }) {
    if (ip !== undefined) {
      const address = findIp(ip)
      return address === undefined ? badAddress(ip) : showAddress(context, address)
    }
    if (configuration && !showBlocks && !showBorrowed) return showConfiguration(context)
    const usage = await (await context.ipam()).usage()
    if (output === 'json') return { blocks: [{ kind: 'json', value: usage }] }
    if (showBorrowed && !showBlocks) return { blocks: [borrowedTable(usage.borrowed)] }
    return { blocks: [usageTable(usage, { blocks: showBlocks, reserved: showReserved })] }
  },
})

/** `ipam info IP`: the documents' word for `ipam show --ip`. */
export const infoCommand = defineCommand({
  args: ['<ip>'],
  options: {},
  examples: [['ipam info 192.168.1.1', 'who has an address']],
  async run(context, [ip]) {
    const address = findIp(ip)
    return address === undefined ? badAddress(ip) : showAddress(context, address)
  },
})
