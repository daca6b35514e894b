import { defineCommand } from '../../cli/command.ts'
import { oneOf, text } from '../../cli/option.ts'
import { line, type Block } from '../../output/block.ts'
import { readLive, surroundingsOf } from '../../policy/live.ts'
import { previewChanges, type Change } from '../../policy/preview.ts'
import { readResources } from '../../resources/input.ts'
import { fileOptions } from '../resource/options.ts'

const NAMES: Readonly<Record<number, string>> = {
  1: 'icmp',
  58: 'icmpv6',
  6: 'tcp',
  17: 'udp',
  132: 'sctp',
  136: 'udplite',
}

function changeTable(changes: readonly Change[]): Block {
  const rows = changes.map(({ flow: { from, to, protocol, destinationPort }, before, after }) => [
    `${before} -> ${after}`,
    from.endpoint ?? from.label,
    to.endpoint ?? to.label,
    `${NAMES[protocol] ?? protocol}${destinationPort === undefined ? '' : ` ${destinationPort}`}`,
  ])
  return { kind: 'columns', columns: ['VERDICT', 'FROM', 'TO', 'TRAFFIC'], rows }
}

export const command = defineCommand({
  args: [],
  options: {
    ...fileOptions,
    interface: text('--interface <name>', 'interface between the hosts, for host endpoints'),
    output: oneOf('-o, --output <format>', 'print as', ['json']),
  },
  details:
    'Tries a ping, a TCP and a UDP connection, and one to each port that a rule names, between all workload endpoints, the nodes ' +
    'that have host endpoints and an address outside, with the resources as they are and as they would be after apply. ' +
    'Nothing is changed. Connections that are open already are not judged.',
  examples: [['preview -f policy.yaml', 'which connections would be cut or opened']],
  async run(context, _, { interface: uplink, output, ...input }) {
    const typed = await readResources(context, input)
    const live = await readLive(await context.client())
    const { changes, tried } = previewChanges(
      live,
      typed.map(({ resource }) => resource),
      surroundingsOf(live, uplink),
    )
    if (output === 'json') return { blocks: [{ kind: 'json', value: { tried, changes } }] }
    const summary = line(`${changes.length} of ${tried} connections would change.`)
    return { blocks: changes.length === 0 ? [summary] : [changeTable(changes), summary] }
  },
})
