import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { CalicoError } from '@calico-node/core'
import { DEFAULT_CONFIG_FILE, parseConnection, type EtcdConnection, type PemSource } from '@calico-node/datastore'
import { parseAsNumber, parseNodeName } from '@calico-node/model'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import { flag, hidden, oneOf, text, textOr, value } from '../../cli/option.ts'
import { requireRoot } from '../../documents/container.ts'
import { address, method, requireReachable } from '../../host/address-options.ts'
import { DOCKER_NETWORK_OPTIONS, dockerNetworksOf } from '../../host/docker-networks.ts'
import { behindProxy, proxyCommand, type ProxyOptions, proxyRunWords, startEtcdProxy } from '../../host/etcd-proxy.ts'
import { forwardedVariables } from '../../host/forwarded-variables.ts'
import { CONTAINER_NAME, dockerRunWords, shellLine, type NodeContainer } from '../../host/node-container.ts'
import { prepareHost, removeContainer, runNode, STARTED, startNode } from '../../host/node-start.ts'
import { line, lines, type Block } from '../../output/block.ts'

/** What an operator keeps for the node: BGP passwords, and templates in place of shipped ones. */
const OPERATOR_FOLDERS = ['/etc/calico/secrets', '/etc/calico/confd/templates']

const fileOf = (source: PemSource | undefined): string | undefined => {
  if (source?.kind === 'inline')
    throw new CalicoError(
      'UNSUPPORTED',
      `Cannot hand ${source.setting} to a container: use files for certificates and keys`,
    )
  return source?.path
}

function etcdOf({ endpoints, discoverySrv = '', tls, username }: EtcdConnection): NodeContainer['etcd'] {
  const files = { caFile: fileOf(tls?.ca), certFile: fileOf(tls?.cert), keyFile: fileOf(tls?.key) }
  const given = Object.fromEntries(Object.entries(files).filter(([, path]) => path !== undefined))
  return { endpoints: endpoints.join(','), discoverySrv, ...given, ...(username !== undefined && { username }) }
}

const proxyLine = ({ etcd, image }: ProxyOptions): string =>
  shellLine(image === undefined ? proxyCommand(etcd) : ['docker', ...proxyRunWords(etcd, image)])

const HINT = [
  '',
  'If you are running calico/node in an init system, use the --init-system flag',
  'to display the appropriate start and stop commands.',
]

function dryRun(node: NodeContainer, proxy: ProxyOptions | undefined): Outcome {
  const docker = shellLine(['docker', ...dockerRunWords(node)])
  const first =
    proxy === undefined ? [] : lines('Use the following command to start the etcd proxy:', '', proxyLine(proxy), '')
  if (!node.initSystem)
    return {
      blocks: [
        ...first,
        ...lines('Use the following command to start the calico/node container:', '', docker, ...HINT),
      ],
    }
  return {
    blocks: [
      ...first,
      ...lines(
        'Use the following command to start the calico/node container:',
        '',
        docker,
        '',
        'Use the following command to stop the calico/node container:',
        '',
        `docker stop ${CONTAINER_NAME}`,
      ),
    ],
  }
}

export const command = defineCommand({
  args: [],
  options: {
    ip: address('--ip <ip>', 'address of this host: an IPv4 address, autodetect, or none', 4),
    ip6: address('--ip6 <ip>', 'IPv6 address of this host, autodetect, or none', 6),
    as: value('--as <number>', 'AS number of this node', (typed) => String(parseAsNumber(typed))),
    name: value('--name <name>', 'name of this node (default: the host name)', parseNodeName),
    ipMethod: method('--ip-autodetection-method <method>', 'how the address is found', 4),
    ip6Method: method('--ip6-autodetection-method <method>', 'how the IPv6 address is found', 6),
    logDir: textOr('--log-dir <folder>', 'folder of the logs', '/var/log/calico'),
    nodeImage: textOr('--node-image <image>', 'image to run', 'calico/node:latest'),
    backend: oneOf('--backend <backend>', 'how routes are distributed', ['bird', 'vxlan', 'none']),
    felixConfig: text('--felix-config <file>', 'configuration file of Felix'),
    noDefaultIppools: flag('--no-default-ippools', 'create no address pools'),
    etcdProxy: flag('--etcd-proxy', 'reach etcd through a proxy on this host'),
    etcdImage: text('--etcd-image <image>', 'with --etcd-proxy: image that has etcd (default: the etcd of this host)'),
    dryrun: flag('--dryrun', 'print the command and do nothing'),
    initSystem: flag('--init-system', 'stay attached, for an init system that supervises the node'),
    privileged: flag('--privileged', 'give the container all rights, not only those that it needs'),
    ...DOCKER_NETWORK_OPTIONS,
    detach: hidden(text('--detach <true|false>', 'as --init-system when false')),
    runtime: hidden(text('--runtime <runtime>', 'docker')),
    libnetworkImage: hidden(text('--libnetwork-image <image>', 'accepted: the plugin is in the image of the node')),
    noPull: hidden(flag('--no-pull', 'accepted')),
  },
  details:
    'The container gets NET_ADMIN, NET_RAW and, with BIRD, NET_BIND_SERVICE, has a read-only root, and writes settings of ' +
    'the network below /host/proc/sys/net. Where the engine keeps that from it, --privileged helps. Variables of this ' +
    'environment that begin with CALICO_ or FELIX_ reach the node, and so do user and password of etcd. With ' +
    'CALICO_NETWORKING=false the node enforces policy and leaves networking to others. --etcd-proxy starts ' +
    'an etcd grpc-proxy on 127.0.0.1:23790 first, which alone has the certificates.',
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
    await requireReachable(ipMethod, 4)
    await requireReachable(ip6Method, 6)
    const etcd = etcdOf(connection)
    const proxy = options.etcdProxy ? { etcd, image: options.etcdImage, logDirectory: options.logDir } : undefined
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
      dockerNetworks: dockerNetworksOf(options),
      logDirectory: options.logDir,
      etcd: proxy === undefined ? etcd : behindProxy(etcd),
      initSystem: options.initSystem || options.detach === 'false',
      privileged: options.privileged,
      variables: forwardedVariables(context.env),
      folders: OPERATOR_FOLDERS.filter((path) => existsSync(path)),
    }
    if (options.dryrun) return dryRun(node, proxy)
    requireRoot()
    yield* await prepareHost(context.log)
    if (proxy !== undefined) await startEtcdProxy(proxy)
    await removeContainer(CONTAINER_NAME)
    yield* lines('Running command to load modules and start the node:', shellLine(['docker', ...dockerRunWords(node)]))
    const { password } = connection
    const secrets = password === undefined ? {} : { ETCD_PASSWORD: password }
    if (node.initSystem) {
      await runNode(node, secrets, context.signal)
      return {}
    }
    await startNode(node, CONTAINER_NAME, secrets)
    return { blocks: [line(STARTED)] }
  },
})
