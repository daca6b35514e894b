import { checkIpam, TUNNEL_KINDS, tunnelAddress, type IpamReport, type IpamProblem } from '@calico-node/ipam'
import { writeText } from '../../resources/load.ts'
import { defineCommand } from '../../cli/command.ts'
import { flag, hidden, text } from '../../cli/option.ts'
import { printReport } from '../../documents/ipam-report.ts'
import { line, lines, type Block } from '../../output/block.ts'
import { VERSION } from '../system/version.ts'

interface Findings {
  readonly report: IpamReport
  readonly activePools: readonly string[]
  readonly tunnelIps: number
  readonly workloadIps: number
}

const TOP = 20

/** What counts as a problem: what breaks something, and addresses in use that no pool covers. */
export const isCounted = ({ kind, level }: IpamProblem): boolean => level === 'fault' || kind === 'address-outside'

function topNodes({ allocations }: IpamReport): Block[] {
  const counts = new Map<string, number>()
  for (const { attributes } of allocations) {
    const node = attributes['node'] ?? ''
    if (node !== '') counts.set(node, (counts.get(node) ?? 0) + 1)
  }
  const top = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, TOP)
  return lines(...top.map(([node, count]) => `  ${node} has ${count} allocations`))
}

const ELSEWHERE = new Set(['address-leaked', 'address-outside', 'address-unassigned'])

/** The narration of a check. Pure. */
export function narrate(
  { report, activePools, tunnelIps, workloadIps }: Findings,
  show: { all: boolean; problems: boolean },
): Block[] {
  const { problems, allocations, counts } = report
  const of = (kind: IpamProblem['kind']): IpamProblem[] => problems.filter((one) => one.kind === kind)
  const listed = (found: readonly IpamProblem[]): Block[] =>
    show.problems || show.all ? lines(...found.map(({ subject, detail }) => `  ${subject}: ${detail}`)) : []
  const others = problems.filter((one) => isCounted(one) && !ELSEWHERE.has(one.kind))
  return [
    ...lines(
      'Checking IPAM for inconsistencies...',
      '',
      'Loading all IPAM blocks...',
      `Found ${counts.blocks} IPAM blocks.`,
      `IPAM blocks record ${allocations.length} allocations.`,
      '',
      'Loading all IPAM pools...',
      ...activePools.map((cidr) => `  ${cidr}`),
      `Found ${activePools.length} active IP pools.`,
      '',
      'Loading all nodes.',
      `Found ${tunnelIps} node tunnel IPs.`,
      '',
      'Loading all workload endpoints.',
      `Found ${workloadIps} workload IPs.`,
      `Workloads and nodes are using ${counts.addressesInUse} IPs.`,
      '',
      `Looking for top (up to ${TOP}) nodes by allocations...`,
    ),
    ...topNodes(report),
    ...lines('', 'Scanning for IPs that are allocated but not actually in use...'),
    ...listed(of('address-leaked')),
    ...(show.all
      ? lines(
          ...allocations.map(
            ({ ip, users, handle }) => `  ${ip}: ${users.join(', ') || 'not in use'} (${handle ?? 'no handle'})`,
          ),
        )
      : []),
    line(`Found ${of('address-leaked').length} IPs that are allocated in IPAM but not actually in use.`),
    line('Scanning for IPs that are in use by a workload or node but not allocated in IPAM...'),
    ...listed([...of('address-outside'), ...of('address-unassigned')]),
    line(`Found ${of('address-outside').length} in-use IPs that are not in active IP pools.`),
    line(
      `Found ${of('address-unassigned').length} in-use IPs that are in active IP pools but have no corresponding IPAM allocation.`,
    ),
    ...(others.length === 0
      ? []
      : lines(
          `Found ${others.length} faults in blocks, affinities, handles and shared addresses:`,
          ...others.map(({ subject, detail }) => `  ${subject}: ${detail}`),
        )),
    ...lines('', `Check complete; found ${problems.filter(isCounted).length} problems.`),
  ]
}

export const command = defineCommand({
  args: [],
  options: {
    showAllIps: flag('--show-all-ips', 'list every allocation'),
    showProblemIps: flag('--show-problem-ips', 'list the addresses with a problem'),
    output: text('-o, --output <file>', 'write a report that "ipam release --from-report" reads'),
    exitCode: flag('--exit-code', 'exit status 1 when there are problems'),
    kubeconfig: hidden(text('--kubeconfig <file>', 'not used')),
  },
  details:
    'An address that is being given out or freed at this moment may show up as a problem: check again before acting on it.',
  examples: [
    ['ipam check --show-problem-ips', 'find leaked and doubly used addresses'],
    ['ipam check -o report.json', 'keep the findings'],
  ],
  async run(context, _, { showAllIps, showProblemIps, output, exitCode }) {
    const client = await context.client()
    const report = await checkIpam(client)
    const pools = (await client.resources('IPPool').list()).filter(({ spec }) => spec.disabled !== true)
    const nodes = await client.resources('Node').list()
    const endpoints = await client.resources('WorkloadEndpoint').list()
    const findings = {
      report,
      activePools: pools.map(({ spec }) => spec.cidr),
      tunnelIps: nodes.flatMap((node) => TUNNEL_KINDS.flatMap((kind) => tunnelAddress(kind, node) ?? [])).length,
      workloadIps: endpoints.flatMap(({ spec }) => spec.ipNetworks ?? []).length,
    }
    if (output !== undefined) {
      const cluster = await client.resources('ClusterInformation').find('default')
      writeText(output, printReport(report, cluster, VERSION))
    }
    const failed = exitCode && report.problems.some(isCounted)
    return { blocks: narrate(findings, { all: showAllIps, problems: showProblemIps }), exitCode: failed ? 1 : 0 }
  },
})
