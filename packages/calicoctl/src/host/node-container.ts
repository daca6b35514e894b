/** The `docker run` that starts calico/node. Pure. */

export interface NodeContainer {
  readonly image: string
  readonly nodeName: string
  readonly backend: 'bird' | 'vxlan' | 'none'
  readonly ip?: string
  readonly ip6?: string
  /** Plain number. */
  readonly asNumber?: string
  readonly ipMethod?: string
  readonly ip6Method?: string
  readonly noDefaultPools: boolean
  readonly libnetwork: boolean
  readonly logDirectory: string
  readonly felixConfig?: string
  readonly etcd: {
    readonly endpoints: string
    readonly discoverySrv: string
    readonly caFile?: string
    readonly certFile?: string
    readonly keyFile?: string
  }
  /** Attached and removed at exit, for an init system that supervises it. */
  readonly initSystem: boolean
  /** All rights, in place of those that are needed. */
  readonly privileged: boolean
}

export const CONTAINER_NAME = 'calico-node'

/** What the container may do: the kernel's network, raw sockets, and, where BIRD runs, the port of BGP. */
function rightsOf({ privileged, backend }: NodeContainer): string[] {
  if (privileged) return ['--privileged']
  const capabilities = ['NET_ADMIN', 'NET_RAW', ...(backend === 'bird' ? ['NET_BIND_SERVICE'] : [])]
  return ['--cap-drop=ALL', ...capabilities.map((name) => `--cap-add=${name}`), '--security-opt=no-new-privileges']
}

const CERTIFICATES = [
  { key: 'caFile', variable: 'ETCD_CA_CERT_FILE', inside: '/etc/calico/certs/ca_cert.crt' },
  { key: 'keyFile', variable: 'ETCD_KEY_FILE', inside: '/etc/calico/certs/key.pem' },
  { key: 'certFile', variable: 'ETCD_CERT_FILE', inside: '/etc/calico/certs/cert.crt' },
] as const

function environment(node: NodeContainer): (readonly [string, string])[] {
  const optional = (name: string, value: string | undefined): (readonly [string, string])[] =>
    value === undefined ? [] : [[name, value]]
  return [
    ['NODENAME', node.nodeName],
    ['CALICO_NETWORKING_BACKEND', node.backend],
    ...(node.noDefaultPools ? [['NO_DEFAULT_POOLS', 'true'] as const] : []),
    ...optional('IP', node.ip),
    ...optional('IP6', node.ip6),
    ...optional('AS', node.asNumber),
    ...optional('IP_AUTODETECTION_METHOD', node.ipMethod),
    ...optional('IP6_AUTODETECTION_METHOD', node.ip6Method),
    ...(node.libnetwork ? [['CALICO_LIBNETWORK_ENABLED', 'true'] as const] : []),
    ['ETCD_ENDPOINTS', node.etcd.endpoints],
    ['ETCD_DISCOVERY_SRV', node.etcd.discoverySrv],
    ...CERTIFICATES.flatMap(({ key, variable, inside }) => optional(variable, node.etcd[key] && inside)),
  ]
}

function mounts(node: NodeContainer): (readonly [string, string])[] {
  const same = (path: string): readonly [string, string] => [path, path]
  return [
    [node.logDirectory, '/var/log/calico'],
    ...['/var/run/calico', '/var/lib/calico', '/lib/modules', '/run'].map(same),
    ...(node.privileged ? [] : [['/proc/sys/net', '/host/proc/sys/net'] as const]),
    ...(node.libnetwork ? ['/run/docker/plugins', '/var/run/docker.sock'].map(same) : []),
    ...(node.felixConfig === undefined ? [] : [[node.felixConfig, '/etc/calico/felix.cfg'] as const]),
    ...CERTIFICATES.flatMap(({ key, inside }) => {
      const file = node.etcd[key]
      return file === undefined ? [] : [[file, inside] as const]
    }),
  ]
}

/** The words after `docker`. */
export function dockerRunWords(node: NodeContainer): string[] {
  return [
    'run',
    '--net=host',
    ...rightsOf(node),
    `--name=${CONTAINER_NAME}`,
    ...(node.initSystem ? ['--rm'] : ['-d', '--restart=always']),
    ...environment(node).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    ...mounts(node).flatMap(([outside, inside]) => ['-v', `${outside}:${inside}`]),
    node.image,
  ]
}

/** One line for a shell. */
export const shellLine = (words: readonly string[]): string =>
  words.map((word) => (/^[\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ')
