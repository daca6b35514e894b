import type { HostReport } from '@calico-node/model'
import { wrap } from '../../cli/help.ts'
import { line, type Block } from '../../output/block.ts'

const WIDTH = 80
const SINCE = 'since 2000-01-01 00:00:00Z  '

/** What Felix says of its host, for people: pure text of at most 80 columns. */
export function felixBlocks({ time, iptables, failsafe, problems, unlisted }: HostReport): Block[] {
  return [
    line(`\nFelix, at ${moment(time)}`),
    ...(iptables === undefined
      ? [line('No rules are programmed yet.')]
      : paragraph('', `Rules are programmed with iptables-${iptables.variant}: ${iptables.reason}.`)),
    ...paragraph('Failsafe ports in:  ', failsafe.inbound.join(' ') || 'none'),
    ...paragraph('Failsafe ports out: ', failsafe.outbound.join(' ') || 'none'),
    ...(problems.length === 0 ? [line('No problems are known.')] : [line('\nProblems of this host')]),
    ...problems.flatMap(({ reason, since }) => paragraph(`since ${moment(since)}  `.padEnd(SINCE.length), reason)),
    ...(unlisted > 0 ? [line(`${unlisted} more: see the log of Felix.`)] : []),
  ]
}

const moment = (time: string): string => time.replace('T', ' ')

/** Text behind a heading, its other lines under the first. */
const paragraph = (heading: string, text: string): Block[] =>
  wrap(text, WIDTH - heading.length).map((each, i) => line(`${i === 0 ? heading : ' '.repeat(heading.length)}${each}`))
