import { CalicoError } from '@calico-node/core'
import { defineCommand } from '../../cli/command.ts'
import { hidden, text, value } from '../../cli/option.ts'
import { lines } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

function parseSwitch(typed: string): boolean {
  if (typed === 'true' || typed === 'false') return typed === 'true'
  throw new CalicoError('INVALID', 'Invalid value. Use true or false to set strictaffinity')
}

function parseCount(typed: string): number {
  if (/^\d{1,6}$/.test(typed)) return Number(typed)
  throw new CalicoError(
    'INVALID',
    `Invalid value "${typed}" for max-blocks-per-host: want a whole number, 0 for no limit`,
  )
}

export const command = defineCommand({
  args: [],
  options: {
    strictAffinity: value(
      '--strictaffinity <true|false>',
      'a node takes addresses from its own blocks only',
      parseSwitch,
    ),
    maxBlocksPerHost: value('--max-blocks-per-host <number>', 'most blocks a node may hold; 0: no limit', parseCount),
    kubevirt: hidden(text('--kubevirt-ip-persistence <mode>', 'Kubernetes only')),
    cooldown: hidden(text('--ip-cooldown-seconds <seconds>', 'Kubernetes only')),
  },
  examples: [['ipam configure --strictaffinity=true', 'stop borrowing between nodes']],
  async run(context, _, { strictAffinity, maxBlocksPerHost, kubevirt, cooldown }) {
    if (kubevirt !== undefined || cooldown !== undefined) {
      throw new CalicoError(
        'UNSUPPORTED',
        'Settings for KubeVirt and for cooling down of addresses have no place in this datastore',
      )
    }
    if (strictAffinity === undefined && maxBlocksPerHost === undefined) {
      throw new CalicoError('INVALID', 'Nothing to set: give --strictaffinity or --max-blocks-per-host')
    }
    await writableClient(context)
    await (await context.ipam()).configure({
      ...(strictAffinity !== undefined && { strictAffinity }),
      ...(maxBlocksPerHost !== undefined && { maxBlocksPerHost }),
    })
    return {
      blocks: lines(
        ...(strictAffinity === undefined ? [] : [`Successfully set StrictAffinity to: ${strictAffinity}`]),
        ...(maxBlocksPerHost === undefined ? [] : [`Successfully set MaxBlocksPerHost to: ${maxBlocksPerHost}`]),
      ),
    }
  },
})
