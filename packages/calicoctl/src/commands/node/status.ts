import { BirdClient, type BirdProtocolDetail } from '@calico-node/birdc'
import { CalicoError, messageOf } from '@calico-node/core'
import { isStaleReport, type HostReport } from '@calico-node/model'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { readConfdStatus, type ConfdStatus } from '../../bgp/confd-status.ts'
import { explainedPeers, type BgpPeer } from '../../bgp/peers.ts'
import { servedProtocols } from '../../bgp/status-socket.ts'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import { flag, hidden, oneOf, text } from '../../cli/option.ts'
import { readFelixReport } from '../../host/felix-report.ts'
import { listCommandLines, runningPrograms, type RunningPrograms } from '../../host/processes.ts'
import { line, type Block } from '../../output/block.ts'
import { allStatusOutcome, readAllNodes } from './all-status.ts'
import { felixBlocks, type ReportAge } from './felix-section.ts'

/** What is known about BGP of one family. */
export interface FamilyStatus {
  readonly version: 4 | 6
  readonly running: boolean
  readonly peers: readonly BgpPeer[]
  /** Why BIRD could not be asked. */
  readonly problem?: string
  /** BIRD answers root only; this is what it said to the service bgp-status, up to some seconds ago. */
  readonly served?: boolean
}

export interface NodeStatus {
  /** Felix runs, or the node is a reflector, which has none, and BIRD does. */
  readonly running: boolean
  readonly families: readonly FamilyStatus[]
  /** What confd says of the configuration, where it runs. */
  readonly configuration?: ConfdStatus
  /** What Felix says of this host, or said before it ended. */
  readonly felix?: HostReport
  /** Of `felix`; default: it is current. */
  readonly felixAge?: ReportAge
}

type Style = 'current' | 'documents'

const HEADINGS: Readonly<Record<Style, readonly string[]>> = {
  current: ['PEER ADDRESS', 'PEER TYPE', 'STATE', 'SINCE', 'INFO'],
  documents: ['Peer address', 'Peer type', 'State', 'Since', 'Info'],
}

function familyBlocks({ version, running, peers, problem, served }: FamilyStatus, style: Style): Block[] {
  if (!running) return [line(`INFO: BIRDv${version} process: '${version === 4 ? 'bird' : 'bird6'}' is not running.`)]
  const heading = line(`\nIPv${version} BGP status${served === true ? ', as it was some seconds ago' : ''}`)
  if (problem !== undefined) return [heading, line(problem)]
  if (peers.length === 0) return [heading, line(`No IPv${version} peers found.`)]
  const rows = peers.map((peer) => [
    peer.port === undefined ? peer.address : `${peer.address}.port.${peer.port}`,
    peer.type,
    peer.state,
    peer.since,
    peer.established || peer.lastError === undefined ? peer.info : `${peer.info} (${peer.lastError})`,
  ])
  const reasons = peers.flatMap(({ address, reason }) => (reason === undefined ? [] : [line(`${address}: ${reason}`)]))
  return [heading, { kind: 'grid', columns: HEADINGS[style], rows }, ...reasons]
}

/** What an operator should know of the configuration: what is left out of it, and whether BIRD runs it. */
function configurationBlocks({ daemons, problems }: ConfdStatus): Block[] {
  const stale = Object.entries(daemons).filter(([, state]) => state === 'failed')
  return [
    ...stale.map(([name]) =>
      line(`WARNING: ${name} does not run its newest configuration; the log of confd says why.`),
    ),
    ...(problems.length === 0 ? [] : [line('\nResources that are left out, or in part:')]),
    ...problems.map(({ kind, name, reason }) => line(`  ${kind} "${name}" ${reason}`)),
  ]
}

/** Pure: what a status looks like, and what its exit status is. */
export function statusOutcome(status: NodeStatus, style: Style, output: 'json' | undefined): Outcome {
  const { running, families, configuration, felix } = status
  const silent = families.some(({ running: up, problem }) => up && problem !== undefined)
  const down = families.some(({ peers }) => peers.some(({ established }) => !established))
  const exitCode = !running ? 1 : silent || down ? 2 : 0
  if (output === 'json') return { blocks: [{ kind: 'json', value: status }], exitCode }
  const report = felix === undefined ? [] : felixBlocks(felix, status.felixAge ?? 'current')
  if (!running) {
    return { errors: ['Calico process is not running.'], ...(felix && { blocks: [...report, line('')] }), exitCode }
  }
  const bgp = families.some((family) => family.running)
    ? families.flatMap((family) => familyBlocks(family, style))
    : [line('\nThe BGP backend process (BIRD) is not running.')]
  const notes = configuration === undefined ? [] : configurationBlocks(configuration)
  return { blocks: [line('Calico process is running.'), ...bgp, ...notes, ...report, line('')], exitCode }
}

async function familyStatus(version: 4 | 6, running: boolean, directories: readonly string[]): Promise<FamilyStatus> {
  if (!running) return { version, running, peers: [] }
  const file = version === 4 ? 'bird.ctl' : 'bird6.ctl'
  const paths = directories.map((directory) => `${directory}/${file}`)
  const path = paths.find((candidate) => existsSync(candidate)) ?? paths[0] ?? file
  try {
    const { protocols, ...source } = await protocolsOf(path, version)
    return { version, running, peers: await explainedPeers(protocols, version), ...source }
  } catch (err) {
    if (!(err instanceof CalicoError)) throw err
    return { version, running, peers: [], problem: messageOf(err) }
  }
}

/** From BIRD itself; where that is for root only, from the service that may ask it. */
async function protocolsOf(
  path: string,
  version: 4 | 6,
): Promise<{ readonly protocols: readonly BirdProtocolDetail[]; readonly served?: true }> {
  try {
    return { protocols: await new BirdClient(path).protocolDetails() }
  } catch (err) {
    if (!isForbidden(err)) throw err
    return { protocols: await servedProtocols(dirname(path), version), served: true }
  }
}

const isForbidden = (err: unknown): boolean =>
  err instanceof CalicoError && err.cause instanceof Error && 'code' in err.cause && err.cause.code === 'EACCES'

export async function readStatus(programs: RunningPrograms, runDirectory: string): Promise<NodeStatus> {
  const directories = [runDirectory, '/var/run/bird']
  const families = await Promise.all([
    familyStatus(4, programs.bird, directories),
    familyStatus(6, programs.bird6, directories),
  ])
  const configuration = readConfdStatus(runDirectory)
  const reflects = configuration?.role === 'reflector' && (programs.bird || programs.bird6)
  const felix = readFelixReport(runDirectory)
  return {
    running: programs.felix || reflects,
    families,
    ...(configuration !== undefined && { configuration }),
    ...(felix !== undefined && {
      felix,
      felixAge: !programs.felix ? 'ended' : isStaleReport(felix, Date.now()) ? 'stale' : 'current',
    }),
  }
}

const statusCommand = (style: Style) =>
  defineCommand({
    args: [],
    options: {
      all: flag('--all', 'every node, one line each, as its Felix reported to the datastore'),
      output: oneOf('-o, --output <format>', 'print as', ['json']),
      runtime: hidden(text('--runtime <runtime>', 'accepted')),
    },
    details:
      'Exit status: 0 when all is well, 1 when Calico does not run, 2 when it runs but a BGP session is not ' +
      'established or BIRD does not answer. Problems of this host that Felix knows of are listed, with the time since ' +
      'when; they do not change the exit status. Who is not root sees what node-services serves on bgp-status.sock, ' +
      'which the group of its folder may read. With --all the datastore is asked: 1 when Felix of some node is down, 2 when ' +
      'one is not ready, has not reported for long, or was never heard of. SINCE is when Felix started, or was last heard of.',
    examples: [
      ['node status', 'state of this node, its BGP sessions, and what somebody should mend'],
      ['node status -o json', 'the same for a program, with the last error of each session'],
      ['node status --all', 'every node: is Felix ready, and what should be mended'],
    ],
    async run(context, _, { all, output }) {
      if (all) return allStatusOutcome(await readAllNodes(await context.client()), output, Date.now())
      const { env } = context
      const status = await readStatus(
        runningPrograms(listCommandLines()),
        env['CALICO_BIRD_RUN_DIR'] ?? '/var/run/calico',
      )
      return statusOutcome(status, style, output)
    },
  })

export const command = statusCommand('current')
/** `calicoctl status`: the same in the look of the documents. */
export const documentsCommand = statusCommand('documents')
