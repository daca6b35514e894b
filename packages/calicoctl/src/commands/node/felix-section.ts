import type { HostReport } from '@calico-node/model'
import { line, paragraph, type Block } from '../../output/block.ts'

const SINCE = 'since 2000-01-01 00:00:00Z  '

/** Whether what Felix said can be taken for what is: not when it says nothing any more, or does not run. */
export type ReportAge = 'current' | 'stale' | 'ended'

const HEADINGS: Readonly<Record<ReportAge, (at: string) => string>> = {
  current: (at) => `Felix, at ${at}`,
  stale: (at) => `WARNING: Felix runs, but has said nothing since ${at}`,
  ended: (at) => `Felix does not run; what it said last, at ${at}`,
}

/** What Felix says of its host, for people: pure text of at most 80 columns. */
export function felixBlocks(report: HostReport, age: ReportAge): Block[] {
  const { time, iptables, failsafe, problems, unlisted } = report
  return [
    line(`\n${HEADINGS[age](moment(time))}`),
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
