import { hostname } from 'node:os'
import { CalicoError, hasCode, messageOf, waitFor } from '@calico-node/core'
import { DEFAULT_CONFIG_FILE, parseConnection, type EtcdConnection, type PemSource } from '@calico-node/datastore'
import { createSysctl, run } from '@calico-node/linux'
import { findIpInterface, ipVersion, parseAsNumber, parseNodeName } from '@calico-node/model'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, hidden, oneOf, text, textOr, value } from '../../cli/option.ts'
import { requireRoot } from '../../documents/container.ts'
import { CONTAINER_NAME, dockerRunWords, shellLine, type NodeContainer } from '../../host/node-container.ts'
import { line, lines, type Block } from '../../output/block.ts'

/** The line that a node prints when it is up. */
const STARTED = 'Calico node started successfully'
const START_DEADLINE_MS = 10_000
const PULL_TIMEOUT_MS = 300_000

const address =
  (version: 4 | 6) =>
  (typed: string): string => {
    const found = findIpInterface(typed)
    if (typed === 'autodetect' || typed === 'none' || (found !== undefined && ipVersion(found.ip) === version))
      return typed
    throw new CalicoError(
      'INVALID',
      `Cannot use "${typed}" as IPv${version} address: want an address, autodetect or none`,
    )
  }

function detectionMethod(typed: string): string {
  const [name = '', ...rest] = typed.split('=')
  const argument = rest.join('=')
  const ok =
    name === 'first-found'
      ? rest.length === 0
      : ['can-reach', 'interface', 'skip-interface', 'cidr'].includes(name) && argument !== ''
  if (!ok)
    throw new CalicoError(
      'INVALID',
      `Cannot use detection method "${typed}": want first-found, can-reach=HOST, interface=REGEX, skip-interface=REGEX or cidr=CIDR`,
    )
  if (name.endsWith('interface')) {
    try {
      argument.split(',').forEach((pattern) => RegExp(pattern))
    } catch (err) {
      throw new CalicoError('INVALID', `Cannot use detection method "${typed}": ${messageOf(err)}`, { cause: err })
    }
  }
  return typed
}

const fileOf = (source: PemSource | undefined): string | undefined => {
  if (source?.kind === 'inline')
    throw new CalicoError(
      'UNSUPPORTED',
      `Cannot hand ${source.setting} to a container: use files for certificates and keys`,
    )
  return source?.path
}

function etcdOf({ endpoints, discoverySrv = '', tls }: EtcdConnection): NodeContainer['etcd'] {
  const files = { caFile: fileOf(tls?.ca), certFile: fileOf(tls?.cert), keyFile: fileOf(tls?.key) }
  const given = Object.fromEntries(Object.entries(files).filter(([, path]) => path !== undefined))
  return { endpoints: endpoints.join(','), discoverySrv, ...given }
}

/**
 * Forwarding, modules and room for connections. What fails is only warned about: the node may have been given it
 * already.
 */
async function prepareHost(log: Context['log']): Promise<Block[]> {
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
  return warnings
}

async function removeOld(): Promise<void> {
  await run('docker', ['rm', '-f', CONTAINER_NAME]).catch((err: unknown) => {
    if (!hasCode(err, 'COMMAND_FAILED')) throw err
  })
}

/** Starts the container and follows its log until the node says that it is up. */
async function start(node: NodeContainer): Promise<void> {
  await run('docker', dockerRunWords(node), { timeoutMs: PULL_TIMEOUT_MS })
  let log = ''
  try {
    await waitFor(
      'calico/node to start',
      async () => {
        log = await run('docker', ['logs', CONTAINER_NAME])
        return log.split('\n').some((text) => text.trim() === STARTED)
      },
      { deadlineMs: START_DEADLINE_MS, pollMs: 250 },
    )
  } catch (err) {
    const last = log.trimEnd().split('\n').slice(-5).join('\n')
    throw new CalicoError('COMMAND_FAILED', `calico/node has terminated, check logs for details\n${last}`, {
      cause: err,
    })
  }
}

const HINT = [
  '',
  'If you are running calico/node in an init system, use the --init-system flag',
  'to display the appropriate start and stop commands.',
]

function dryRun(node: NodeContainer): Outcome {
  const docker = shellLine(['docker', ...dockerRunWords(node)])
  if (!node.initSystem)
    return { blocks: lines('Use the following command to start the calico/node container:', '', docker, ...HINT) }
  return {
    blocks: lines(
      'Use the following command to start the calico/node container:',
      '',
      docker,
      '',
      'Use the following command to stop the calico/node container:',
      '',
      `docker stop ${CONTAINER_NAME}`,
    ),
  }
}

export const command = defineCommand({
  args: [],
  options: {
    ip: value('--ip <ip>', 'address of this host: an IPv4 address, autodetect, or none', address(4)),
    ip6: value('--ip6 <ip>', 'IPv6 address of this host, autodetect, or none', address(6)),
    as: value('--as <number>', 'AS number of this node', (typed) => String(parseAsNumber(typed))),
    name: value('--name <name>', 'name of this node (default: the host name)', parseNodeName),
    ipMethod: value('--ip-autodetection-method <method>', 'how the address is found', detectionMethod),
    ip6Method: value('--ip6-autodetection-method <method>', 'how the IPv6 address is found', detectionMethod),
    logDir: textOr('--log-dir <folder>', 'folder of the logs', '/var/log/calico'),
    nodeImage: textOr('--node-image <image>', 'image to run', 'calico/node:latest'),
    backend: oneOf('--backend <backend>', 'how routes are distributed', ['bird', 'vxlan', 'none']),
    felixConfig: text('--felix-config <file>', 'configuration file of Felix'),
    noDefaultIppools: flag('--no-default-ippools', 'create no address pools'),
    dryrun: flag('--dryrun', 'print the command and do nothing'),
    initSystem: flag('--init-system', 'stay attached, for an init system that supervises the node'),
    privileged: flag('--privileged', 'give the container all rights, not only those that it needs'),
    libnetwork: flag('--libnetwork', 'serve Docker networks too'),
    detach: hidden(text('--detach <true|false>', 'as --init-system when false')),
    runtime: hidden(text('--runtime <runtime>', 'docker')),
    noPull: hidden(flag('--no-pull', 'accepted')),
  },
  details:
    'The container gets NET_ADMIN, NET_RAW and, with BIRD, NET_BIND_SERVICE, and writes settings of the network below ' +
    '/host/proc/sys/net. Where the engine keeps that from it, --privileged helps.',
  examples: [
    ['node run', 'start the node; its address is detected'],
    ['node run --ip=10.20.0.1 --as=65010', 'with an address and an AS number of your choice'],
    ['node run --dryrun --init-system', 'print what an init system has to run'],
  ],
  async *run(context, _, options): AsyncGenerator<Block, Outcome> {
    if (options.runtime !== undefined && options.runtime !== 'docker')
      throw new CalicoError('UNSUPPORTED', `Runtime "${options.runtime}" is not supported: want docker`)
    const connection = parseConnection({ env: context.env, configFile: context.configFile ?? DEFAULT_CONFIG_FILE })
    const policyOnly = context.env['CALICO_NETWORKING']?.toLowerCase() === 'false'
    const { ip, ip6, as: asNumber, ipMethod, ip6Method, felixConfig } = options
    const node: NodeContainer = {
      image: options.nodeImage,
      nodeName: options.name ?? parseNodeName(hostname().toLowerCase()),
      backend: options.backend ?? (policyOnly ? 'none' : 'bird'),
      ...(ip !== undefined && { ip }),
      ...(ip6 !== undefined && { ip6 }),
      ...(asNumber !== undefined && { asNumber }),
      ...(ipMethod !== undefined && ipMethod !== 'first-found' && { ipMethod }),
      ...(ip6Method !== undefined && ip6Method !== 'first-found' && { ip6Method }),
      ...(felixConfig !== undefined && { felixConfig }),
      noDefaultPools: options.noDefaultIppools,
      libnetwork: options.libnetwork,
      logDirectory: options.logDir,
      etcd: etcdOf(connection),
      initSystem: options.initSystem || options.detach === 'false',
      privileged: options.privileged,
    }
    if (options.dryrun) return dryRun(node)
    requireRoot()
    yield* await prepareHost(context.log)
    await removeOld()
    yield* lines('Running command to load modules and start the node:', shellLine(['docker', ...dockerRunWords(node)]))
    await start(node)
    return { blocks: [line(STARTED)] }
  },
})
