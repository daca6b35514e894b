/** Starting the container of the node on this host. */
import { closeSync, openSync } from 'node:fs'
import { CalicoError, hasCode, type Logger, messageOf, waitFor } from '@calico-node/core'
import { createSysctl, run } from '@calico-node/linux'
import { line, type Block } from '../output/block.ts'
import { dockerRunWords, IPTABLES_LOCK, type NodeContainer } from './node-container.ts'

/** The line that a node prints when it is up. */
export const STARTED = 'Calico node started successfully'
const START_DEADLINE_MS = 30_000
const PULL_TIMEOUT_MS = 300_000
const LAST_LINES = 5

/** Forwarding, modules and room for connections. What fails is only warned about: the node may have been given it already. */
export async function prepareHost(log: Logger): Promise<Block[]> {
  const warnings: Block[] = []
  await run('modprobe', ['-a', 'xt_set', 'ip6_tables']).catch((err: unknown) =>
    log.info('Cannot load modules', { err }),
  )
  const sysctl = createSysctl()
  for (const [key, wanted] of [
    ['net/ipv4/ip_forward', '1'],
    ['net/ipv6/conf/all/forwarding', '1'],
    ['net/netfilter/nf_conntrack_max', '1000000'],
  ] as const) {
    try {
      sysctl.write(key, wanted)
    } catch (err) {
      warnings.push(line(`WARNING: ${messageOf(err)}`))
    }
  }
  closeSync(openSync(IPTABLES_LOCK, 'a', 0o600))
  return warnings
}

/** Fine when there is none. */
export async function removeContainer(name: string): Promise<void> {
  await run('docker', ['rm', '-f', name]).catch((err: unknown) => {
    if (!hasCode(err, 'COMMAND_FAILED')) throw err
  })
}

/**
 * Starts the container and follows its log until the node says that it is up.
 *
 * @param secrets Variables that must not be seen on a command line
 * @throws COMMAND_FAILED with its last lines when it has ended, or when it takes too long
 */
export async function startNode(node: NodeContainer, name: string, secrets: Record<string, string>): Promise<void> {
  await run('docker', dockerRunWords(node), { timeoutMs: PULL_TIMEOUT_MS, env: secrets })
  let log = ''
  const outcome = await waitFor(
    'calico/node to start',
    async () => {
      log = await containerLog(name)
      if (log.split('\n').some((text) => text.trim() === STARTED)) return 'started'
      return (await hasEnded(name)) ? 'ended' : undefined
    },
    { deadlineMs: START_DEADLINE_MS, pollMs: 250 },
  ).catch((err: unknown) => {
    if (hasCode(err, 'TIMED_OUT')) return 'waiting'
    throw err
  })
  if (outcome === 'started') return
  const what =
    outcome === 'ended'
      ? 'calico/node has terminated, check logs for details'
      : `calico/node has not started within ${START_DEADLINE_MS / 1000} s and goes on trying`
  throw new CalicoError('COMMAND_FAILED', `${what}\n${log.trimEnd().split('\n').slice(-LAST_LINES).join('\n')}`)
}

/**
 * Starts the container and stays with it until it ends: its output is this program's. The docker command hands signals on.
 *
 * @param secrets Variables that must not be seen on a command line
 * @throws COMMAND_FAILED when it ended otherwise than by being stopped
 */
export async function runNode(
  node: NodeContainer,
  secrets: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await run('docker', dockerRunWords(node), { attached: true, env: secrets, signal })
  } catch (err) {
    if (signal.aborted) return
    if (!hasCode(err, 'COMMAND_FAILED')) throw err
    const status = String(err.context['exitCode'])
    throw new CalicoError('COMMAND_FAILED', `calico/node has ended with exit status ${status}`, { cause: err })
  }
}

/** Both streams. */
export async function containerLog(name: string): Promise<string> {
  let errors = ''
  const output = await run('docker', ['logs', name], { onWarning: (text) => (errors = text) })
  return errors + output
}

/** With a restart policy a container that ends is started again: once is enough to know. */
async function hasEnded(name: string): Promise<boolean> {
  const state = await run('docker', ['inspect', '--format', '{{.State.Running}} {{.RestartCount}}', name])
  return state.trim() !== 'true 0'
}
