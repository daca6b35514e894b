import { CalicoError } from '@calico-node/core'
import { ipVersion } from '@calico-node/model'
import { readRuleCounters } from '@calico-node/linux'
import { World } from '@calico-node/policy'
import { defineCommand } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, oneOf, text, value } from '../../cli/option.ts'
import { requireRoot } from '../../documents/container.ts'
import { shownProfiles } from '../../documents/profiles.ts'
import { localNodeName } from '../../host/node-name.ts'
import { lines } from '../../output/block.ts'
import { judge, type Flow } from '../../policy/connection.ts'
import { counterLines, countedPlaces } from '../../policy/counters.ts'
import { verdictLines, type VerdictWords } from '../../policy/describe.ts'
import { findEnds, pairUp, parseProtocolNumber, readLive, surroundingsOf } from '../../policy/live.ts'

export function parsePort(typed: string): number {
  const port = Number(typed)
  if (/^\d{1,5}$/.test(typed) && port <= 65535) return port
  throw new CalicoError('INVALID', `Cannot use port "${typed}": want a number from 0 to 65535`)
}

const NAMES: Readonly<Record<number, string>> = {
  6: 'TCP',
  17: 'UDP',
  132: 'SCTP',
  1: 'ICMP',
  58: 'ICMPv6',
  136: 'UDPLite',
}
const ICMP = { 4: { protocol: 1, type: 8 }, 6: { protocol: 58, type: 128 } } as const

/** Whether packets of the protocol carry ports. */
const hasPorts = (protocol: number): boolean => [6, 17, 132, 136].includes(protocol)

const flowText = ({ from, to, protocol, destinationPort, icmp }: Flow): string =>
  [
    NAMES[protocol] ?? `protocol ${protocol}`,
    from.label,
    '->',
    to.label,
    ...(destinationPort === undefined ? [] : [`port ${destinationPort}`]),
    ...(icmp === undefined ? [] : [`type ${icmp.type}`]),
  ].join(' ')

/** What the kernel of this host has counted for the decision of a stage. */
async function countersHere(context: Context, world: World, version: 4 | 6): Promise<VerdictWords['more']> {
  requireRoot()
  const here = localNodeName(context.env)
  const chains = await readRuleCounters(version)
  return (node, stage) => {
    if (node !== here) return [`    (counters are on ${node}, not here)`]
    const found = counterLines(countedPlaces(stage, world, chains))
    return found.length > 0 ? found : ['    (no rule for this in the kernel of this host)']
  }
}

export const command = defineCommand({
  args: ['<from>', '<to>'],
  options: {
    protocol: value('--protocol <protocol>', 'tcp, udp, sctp, icmp or a number (default tcp)', parseProtocolNumber),
    port: value('--port <port>', 'destination port (default 80)', parsePort),
    sourcePort: value('--source-port <port>', 'source port (default 40000)', parsePort),
    interface: text(
      '--interface <name>',
      'interface between the hosts, for host endpoints (default: that of the host endpoint)',
    ),
    steps: flag('--steps', 'show every rule that was looked at'),
    live: flag('--live', 'show how often the deciding rules have matched in the kernel of this host'),
    output: oneOf('-o, --output <format>', 'print as', ['json']),
  },
  details:
    'Tells what the resources in the datastore say about the first packet of a connection, host by host: which policy, ' +
    'profile or default decides. From and to are addresses, endpoints, workloads or nodes. ' +
    'Exit status: 0 when it is allowed, 2 when it is denied, 1 for an error.',
  examples: [
    ['trace workload-a workload-b --port=5432', 'may a connect to a port of b?'],
    ['trace 203.0.113.9 192.168.1.1 --protocol=udp --port=53 --steps', 'from outside, with every rule on the way'],
    ['trace workload-a workload-b --live', 'how often the rules that decide have matched on this host'],
    ['trace host-a 192.168.1.1 --protocol=icmp', 'a ping from a host'],
  ],
  async run(
    context,
    [fromText, toText],
    { protocol = 6, port = 80, sourcePort = 40000, interface: uplink, steps, live: isLive, output },
  ) {
    const client = await context.client()
    const live = await readLive(client)
    const { from, to } = pairUp(findEnds(live, fromText), findEnds(live, toText))
    const icmp = ICMP[ipVersion(from.ip)]
    const isPing = protocol === 1 || protocol === 58
    const flow: Flow = {
      from,
      to,
      protocol: isPing ? icmp.protocol : protocol,
      ...(hasPorts(protocol) && { destinationPort: port, sourcePort }),
      ...(isPing && { icmp: { type: icmp.type, code: 0 } }),
    }
    const world = new World(live.resources)
    const verdict = judge(world, flow, surroundingsOf(live, uplink))
    const more = isLive ? await countersHere(context, world, ipVersion(from.ip)) : undefined
    const exitCode = verdict.action === 'allow' ? 0 : 2
    if (output === 'json') return { blocks: [{ kind: 'json', value: { flow, verdict } }], exitCode }
    const words = { shown: await shownProfiles(client), steps, ...(more !== undefined && { more }) }
    return { blocks: lines(flowText(flow), ...verdictLines(verdict, words)), exitCode }
  },
})
