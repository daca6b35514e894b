/**
 * The flows that connection tracking knows, and an end for some of them. What is cut is not forgotten by those who talk:
 * the next packet begins the flow anew, and policy is asked.
 */
import { CalicoError, type Logger } from '@calico-node/core'
import { findIp, type Ip } from '@calico-node/model'
import type { TrackedFlow, TrackedFlows } from './ports.ts'
import { runTool } from './run.ts'

const TIMEOUT_MS = 60_000
const MAX_TABLE_BYTES = 1024 * 1024 * 1024
const FAMILY = { 4: 'ipv4', 6: 'ipv6' } as const

/** Of the network namespace of this process. */
export function createTrackedFlows({ log }: { log: Logger }): TrackedFlows {
  const mine = log.child({ component: 'conntrack' })
  return {
    list: async (version) => {
      const table = await runTool('conntrack', ['-f', FAMILY[version], '-L'], {
        timeoutMs: TIMEOUT_MS,
        maxOutputBytes: MAX_TABLE_BYTES,
      })
      return parseFlows(table)
    },
    cut: async (flows, version) => {
      for (const flow of flows) {
        try {
          await runTool('conntrack', ['-f', FAMILY[version], '-D', ...selection(flow)], { timeoutMs: TIMEOUT_MS })
        } catch (err) {
          const alreadyGone = err instanceof CalicoError && /\b0 flow entries/.test(String(err.context['stderr']))
          if (!alreadyGone)
            mine.warn('Cannot cut a tracked flow; it goes on', {
              source: flow.source,
              destination: flow.destination,
              err,
            })
        }
      }
    },
  }
}

/** @param table What `conntrack -L` prints: protocol, timeout, state, the tuple of the first packet, the tuple of its answer. */
export function parseFlows(table: string): TrackedFlow[] {
  return table.split('\n').flatMap((line) => {
    const protocol = Number(/^\S+\s+(\d+)\s/.exec(line)?.[1])
    const fields = [...line.matchAll(/\b(src|dst|sport|dport|type|code|id)=(\S+)/g)]
    const value = (name: string, index: 0 | 1): string | undefined =>
      fields.filter(([, key]) => key === name)[index]?.[2]
    const number = (name: string, index: 0 | 1): number | undefined => {
      const text = value(name, index)
      return text === undefined ? undefined : Number(text)
    }
    const ip = (name: string, index: 0 | 1): Ip | undefined => findIp(value(name, index) ?? '')
    const [source, destination, answerer] = [ip('src', 0), ip('dst', 0), ip('src', 1)]
    if (Number.isNaN(protocol) || source === undefined || destination === undefined || answerer === undefined) return []
    const [sourcePort, destinationPort, answererPort] = [number('sport', 0), number('dport', 0), number('sport', 1)]
    const [type, code, id] = [number('type', 0), number('code', 0), number('id', 0)]
    return [
      {
        protocol,
        source,
        destination,
        answerer,
        ...(sourcePort !== undefined && { sourcePort }),
        ...(destinationPort !== undefined && { destinationPort }),
        ...(answererPort !== undefined && { answererPort }),
        ...(type !== undefined && code !== undefined && id !== undefined && { icmp: { type, code, id } }),
      },
    ]
  })
}

function selection({ protocol, source, destination, sourcePort, destinationPort, icmp }: TrackedFlow): string[] {
  return [
    '-p',
    String(protocol),
    '--orig-src',
    source,
    '--orig-dst',
    destination,
    ...(sourcePort === undefined ? [] : ['--orig-port-src', String(sourcePort)]),
    ...(destinationPort === undefined ? [] : ['--orig-port-dst', String(destinationPort)]),
    ...(icmp === undefined
      ? []
      : ['--icmp-type', String(icmp.type), '--icmp-code', String(icmp.code), '--icmp-id', String(icmp.id)]),
  ]
}
