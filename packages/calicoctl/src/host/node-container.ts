/** The `docker run` that starts calico/node. Pure. */

export interface DockerNetworks {
  /** How interfaces are called in containers, before their number. */
  readonly ifPrefix?: string
  /** Labels of containers become those of endpoints, and networks get no profile. */
  readonly containerLabels: boolean
}

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
  /** Undefined: Docker networks are not served. */
  readonly dockerNetworks?: DockerNetworks | undefined
  readonly logDirectory: string
  readonly felixConfig?: string
  readonly etcd: {
    readonly endpoints: string
    readonly discoverySrv: string
    readonly caFile?: string
    readonly certFile?: string
    readonly keyFile?: string
    /** With a user, the password travels in the environment of the docker command, not on its command line. */
    readonly username?: string
  }
  /** More variables, as they come. */
  readonly variables: Readonly<Record<string, string>>
  /** Folders of the operator that the node reads, at the same place inside. */
  readonly folders: readonly string[]
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
  return [
    '--cap-drop=ALL',
    ...capabilities.map((name) => `--cap-add=${name}`),
    '--security-opt=no-new-privileges',
    '--read-only',
    '--tmpfs=/run',
  ]
}

/** Held by whoever changes rules of iptables. Not `-v`, which would make a folder of it where it does not exist. */
export const IPTABLES_LOCK = '/run/xtables.lock'

const CERTIFICATES = [
  { key: 'caFile', variable: 'ETCD_CA_CERT_FILE', inside: '/etc/calico/certs/ca_cert.crt' },
  { key: 'keyFile', variable: 'ETCD_KEY_FILE', inside: '/etc/calico/certs/key.pem' },
  { key: 'certFile', variable: 'ETCD_CERT_FILE', inside: '/etc/calico/certs/cert.crt' },
] as const

function dockerNetworkVariables({ dockerNetworks }: NodeContainer): Record<string, string> {
  if (dockerNetworks === undefined) return {}
  const { ifPrefix, containerLabels } = dockerNetworks
  return {
    CALICO_LIBNETWORK_ENABLED: 'true',
    ...(ifPrefix !== undefined && { CALICO_LIBNETWORK_IFPREFIX: ifPrefix }),
    ...(containerLabels && {
      CALICO_LIBNETWORK_CREATE_PROFILES: 'false',
      CALICO_LIBNETWORK_LABEL_ENDPOINTS: 'true',
    }),
  }
}

/** What an option says stands before what the same variable says in calicoctl's own environment. */
function environment(node: NodeContainer): Record<string, string> {
  const { etcd } = node
  const said = {
    NODENAME: node.nodeName,
    CALICO_NETWORKING_BACKEND: node.backend,
    // Only for an image of upstream's, which otherwise looks after a CNI plugin that needs Kubernetes.
    CALICO_MANAGE_CNI: 'false',
    ...(node.noDefaultPools && { NO_DEFAULT_POOLS: 'true' }),
    ...(node.ip !== undefined && { IP: node.ip }),
    ...(node.ip6 !== undefined && { IP6: node.ip6 }),
    ...(node.asNumber !== undefined && { AS: node.asNumber }),
    ...(node.ipMethod !== undefined && { IP_AUTODETECTION_METHOD: node.ipMethod }),
    ...(node.ip6Method !== undefined && { IP6_AUTODETECTION_METHOD: node.ip6Method }),
    ...dockerNetworkVariables(node),
    ETCD_ENDPOINTS: etcd.endpoints,
    ETCD_DISCOVERY_SRV: etcd.discoverySrv,
    ...(etcd.username !== undefined && { ETCD_USERNAME: etcd.username }),
    ...Object.fromEntries(
      CERTIFICATES.flatMap(({ key, variable, inside }) => (etcd[key] === undefined ? [] : [[variable, inside]])),
    ),
  }
  return { ...said, ...node.variables, ...said }
}

function mounts(node: NodeContainer): (readonly [string, string])[] {
  const same = (path: string): readonly [string, string] => [path, path]
  return [
    [node.logDirectory, '/var/log/calico'],
    ...['/var/run/calico', '/var/lib/calico'].map(same),
    // All of /run holds the sockets of the host, that of Docker among them.
    ...(node.privileged ? ['/lib/modules', '/run'].map(same) : [['/proc/sys/net', '/host/proc/sys/net'] as const]),
    ...node.folders.map((path) => [path, `${path}:ro`] as const),
    ...(node.dockerNetworks !== undefined ? ['/run/docker/plugins', '/var/run/docker.sock'].map(same) : []),
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
    ...Object.entries(environment(node)).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    ...(node.etcd.username === undefined ? [] : ['-e', 'ETCD_PASSWORD']),
    ...(node.privileged ? [] : [`--mount=type=bind,src=${IPTABLES_LOCK},dst=${IPTABLES_LOCK}`]),
    ...mounts(node).flatMap(([outside, inside]) => ['-v', `${outside}:${inside}`]),
    node.image,
  ]
}

/** One line for a shell. */
export const shellLine = (words: readonly string[]): string =>
  words.map((word) => (/^[\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ')
