// Long on purpose: one row per environment variable of the container. docs/reference/environment.md is generated from
// it.
import { parseAsNumber, parseCidr, parseDuration, parseIpv4, ipVersion, type Cidr } from '@calico-node/model'
import { parseAddressSetting, parseDetectionMethod } from '@calico-node/node-address'
import { parseSelector } from '@calico-node/selector'
import { z } from 'zod'
import { flag, oneOf, parsed, text, wholeNumber } from './words.ts'

const addressSetting = (version: 4 | 6) => parsed((word) => parseAddressSetting(word, version))

const poolCidr = (version: 4 | 6) =>
  parsed((word): Cidr | 'none' => {
    if (word.toLowerCase() === 'none') return 'none'
    const cidr = parseCidr(word)
    if (ipVersion(cidr) !== version) throw new Error(`${word} is not an IPv${version} network`)
    return cidr
  })

const encapsulation = oneOf({
  never: 'Never',
  off: 'Never',
  always: 'Always',
  'cross-subnet': 'CrossSubnet',
  crosssubnet: 'CrossSubnet',
})
const selector = parsed((word) => parseSelector(word).text)
const method = (version: 4 | 6) => parsed((word) => parseDetectionMethod(word, version))

const identity = z.object({
  NODENAME: text
    .optional()
    .describe('Name of this node. Unset: the node-name file, then HOSTNAME, then the host name.'),
  HOSTNAME: text
    .optional()
    .describe('Older way to name the node; used when NODENAME and the node-name file are absent.'),
  CALICO_NODENAME_FILE: text
    .default('/var/lib/calico/nodename')
    .describe('File that start-up writes and every other component on the host reads.'),
  CALICO_K8S_NODE_REF: text.optional().describe('Name of this node in Kubernetes, recorded in the Node.'),
  CLUSTER_TYPE: text.optional().describe('Comma list merged into the cluster type.'),
})

const addresses = z.object({
  IP: addressSetting(4)
    .optional()
    .describe(
      "`autodetect`, `none`, or an address with or without prefix length. Unset: keep the Node's, else detect.",
    ),
  IP6: addressSetting(6).optional().describe('As IP. Unset: no IPv6, unless the Node already has an address.'),
  IP_AUTODETECTION_METHOD: method(4)
    .optional()
    .describe(
      '`first-found`, `interface=REGEX,...`, `skip-interface=REGEX,...`, `can-reach=HOST`, `cidr=CIDR,...`. ' +
        "Unset: the source address towards etcd, else the default route's interface, else first found.",
    ),
  IP6_AUTODETECTION_METHOD: method(6).optional().describe('As IP_AUTODETECTION_METHOD.'),
  DISABLE_NODE_IP_CHECK: flag.default(false).describe('Do not refuse an address that another node has.'),
  AUTODETECT_POLL_INTERVAL: parsed(parseDuration)
    .optional()
    .describe(
      'Read by node-services: pause between looks at the addresses of this host, such as 60s; 0: never. Default 60s.',
    ),
})

const bgp = z.object({
  CALICO_NETWORKING_BACKEND: oneOf({ bird: 'bird', none: 'none', vxlan: 'vxlan' })
    .optional()
    .describe('`bird`; `vxlan`: no BGP; `none`: policy only, no address and no BGP data is written. Default bird.'),
  CALICO_NETWORKING: flag.optional().describe('Older switch: `false` means backend none.'),
  AS: parsed(parseAsNumber)
    .optional()
    .describe('AS number of this node, plain or dotted. Unset: the global one (64512).'),
  CALICO_NODE_ROLE: oneOf({ node: 'node', reflector: 'reflector' })
    .default('node')
    .describe('`reflector`: a route reflector and nothing else; no Felix, no workloads, no default pools.'),
  CALICO_ROUTE_REFLECTOR_CLUSTER_ID: parsed(parseIpv4)
    .optional()
    .describe(
      'Makes this node a route reflector of that cluster, an ID that looks like an IPv4 address. ' +
        'A reflector must have it; unset on a node: leaves what the Node has.',
    ),
  CALICO_ROUTER_ID: text.optional().describe('Read by confd: `hash`, or a router ID.'),
  BGP_LOGSEVERITYSCREEN: text.optional().describe('Read by confd: its log level.'),
  CALICO_ADVERTISE_CLUSTER_IPS: text.optional().describe('Read by confd: service networks to announce.'),
  CALICO_BGP_METRICS_PORT: text
    .optional()
    .describe('Read by node-services: port of BGP metrics for Prometheus, and of their state as JSON. Unset: none.'),
  CALICO_BGP_METRICS_HOST: text
    .optional()
    .describe('Read by node-services: address of CALICO_BGP_METRICS_PORT. Default localhost.'),
  CALICO_BGP_GRACEFUL_RESTART_WAIT: text
    .optional()
    .describe(
      'Read by confd: seconds that a restarted BIRD waits for its peers before it updates the kernel. Default 30.',
    ),
  CALICO_SECRETS_DIR: text
    .optional()
    .describe('Read by confd: BGP passwords, one file <name>/<key> each. Default /etc/calico/secrets.'),
  CALICO_CONFD_CONFIG_DIR: text
    .optional()
    .describe('Read by confd and BIRD: configuration of BIRD. Default /etc/calico/confd/config.'),
  CALICO_CONFD_TEMPLATES: text
    .optional()
    .describe(
      'Read by confd: templates of the operator, in place of shipped ones. Default /etc/calico/confd/templates.',
    ),
  CALICO_CONFD_AUDIT_INTERVAL: text
    .optional()
    .describe('Read by confd: seconds between comparisons of what BIRD runs with what it should run. Default 60.'),
  CALICO_HEALTH_PORT: text
    .optional()
    .describe('Read by node-services: port of the health of the whole node, /liveness and /readiness. Unset: none.'),
  CALICO_HEALTH_HOST: text
    .optional()
    .describe('Read by node-services: address of CALICO_HEALTH_PORT. Default localhost.'),
  CALICO_NODE_SERVICES_LOGLEVEL: text.optional().describe('Read by node-services: its log level.'),
  CALICO_MTU_FILE: text
    .optional()
    .describe('Read by Felix: where it writes how large packets of workloads may be. Default /var/lib/calico/mtu.'),
})

const pools = z.object({
  NO_DEFAULT_POOLS: flag.default(false).describe('Create no pool.'),
  CALICO_IPV4POOL_CIDR: poolCidr(4)
    .optional()
    .describe('Default IPv4 pool; `none`: no pool. Unset: 192.168.0.0/16, or the first free of 172.16-31.0.0/16.'),
  CALICO_IPV6POOL_CIDR: poolCidr(6)
    .optional()
    .describe('Default IPv6 pool; `none`: no pool. Unset: fd80:24e2:f998:72d6::/64.'),
  CALICO_IPV4POOL_BLOCK_SIZE: wholeNumber(20, 32).default(26).describe('Prefix length of an address block.'),
  CALICO_IPV6POOL_BLOCK_SIZE: wholeNumber(116, 128).default(122).describe('Prefix length of an address block.'),
  CALICO_IPV4POOL_IPIP: encapsulation.default('Never').describe('`Never`, `Always` or `CrossSubnet`.'),
  CALICO_IPV4POOL_VXLAN: encapsulation.default('Never').describe('`Never`, `Always` or `CrossSubnet`.'),
  CALICO_IPV6POOL_VXLAN: encapsulation.default('Never').describe('`Never`, `Always` or `CrossSubnet`.'),
  CALICO_IPV4POOL_NAT_OUTGOING: flag.default(true).describe('Masquerade traffic that leaves all pools.'),
  CALICO_IPV6POOL_NAT_OUTGOING: flag.default(false).describe('Masquerade traffic that leaves all pools.'),
  CALICO_IPV4POOL_NODE_SELECTOR: selector.default('all()').describe('Nodes that may use the pool.'),
  CALICO_IPV6POOL_NODE_SELECTOR: selector.default('all()').describe('Nodes that may use the pool.'),
  CALICO_IPV4POOL_DISABLE_BGP_EXPORT: flag.default(false).describe("Keep the pool's routes from BGP peers."),
  CALICO_IPV6POOL_DISABLE_BGP_EXPORT: flag.default(false).describe("Keep the pool's routes from BGP peers."),
})

const container = z.object({
  WAIT_FOR_DATASTORE: flag
    .default(true)
    .describe('Wait, with growing pauses, until etcd answers. False: one attempt, then exit 1.'),
  CALICO_STARTUP_LOGLEVEL: text.default('info').describe('Log level of start-up and of the helpers.'),
  CALICO_LOG_FORMAT: text.optional().describe('`json`: one JSON object a line.'),
  CALICO_SERVICES_FILE: text.optional().describe('Where start-up writes the names of the services to run, one a line.'),
  CALICO_BIRD_RUN_DIR: text.default('/var/run/calico').describe('Control sockets of BIRD.'),
  CALICO_LOG_DIR: text.default('/var/log/calico').describe('Log directories of the services.'),
  CALICO_DISABLE_FILE_LOGGING: flag.default(false).describe('Log to standard output only.'),
  CALICO_DISABLE_FELIX: text.optional().describe('Anything: do not run Felix.'),
  CALICO_SHUTDOWN_TIMESTAMP_FILE: text
    .optional()
    .describe('Mark of a planned stop, of `calico-node -shutdown`. Default /var/lib/calico/shutdownTS.'),
  FELIX_IPV6SUPPORT: flag.default(true).describe('Read by Felix; false also means no default IPv6 pool.'),
  FELIX_HEALTHENABLED: text
    .optional()
    .describe('Read by Felix, and by the checks of the node. The image sets it to true.'),
  FELIX_HEALTHHOST: text
    .optional()
    .describe('Read by Felix, and by the checks of the node: where Felix serves its health. Default localhost.'),
  FELIX_HEALTHPORT: text.optional().describe('The port of FELIX_HEALTHHOST. Default 9099.'),
})

const dockerNetworks = z.object({
  CALICO_LIBNETWORK_ENABLED: text
    .optional()
    .describe('true: serve Docker networks. Needs mounts of /run/docker/plugins and of the socket of Docker.'),
  CALICO_LIBNETWORK_IFPREFIX: text
    .optional()
    .describe('What interfaces are called in containers, before their number. Default cali.'),
  CALICO_LIBNETWORK_CREATE_PROFILES: text.optional().describe('Make a profile for each network. Default true.'),
  CALICO_LIBNETWORK_LABEL_ENDPOINTS: text
    .optional()
    .describe('Give endpoints the labels that containers have with org.projectcalico.label. before. Default false.'),
  CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT: text
    .optional()
    .describe('How long to look for the container of an endpoint. Default 5s.'),
  CALICO_LIBNETWORK_LEFTOVER_DELAY: text
    .optional()
    .describe('After how long an endpoint or address without an owner is removed. Default 30s.'),
  CALICO_LIBNETWORK_VETH_MTU: text
    .optional()
    .describe("In bytes; 0, the default: what Felix wrote into CALICO_MTU_FILE, else the system's."),
  CALICO_LIBNETWORK_SCOPE: text
    .optional()
    .describe('`local`, the default; `global`: networks of all hosts whose Docker has a cluster store.'),
  CALICO_LIBNETWORK_PLUGIN_DIR: text
    .optional()
    .describe('Where Docker looks for plugins. Default /run/docker/plugins.'),
  CALICO_LIBNETWORK_DOCKER_SOCKET: text.optional().describe('The API of Docker. Default /var/run/docker.sock.'),
  CALICO_LIBNETWORK_LOGLEVEL: text.optional().describe('Log level of the plugin. Default info.'),
  CALICO_DEBUG: text.optional().describe('Anything: the plugin logs at level debug.'),
})

const ignored = (why: string) => text.optional().describe(`No effect: ${why}.`)
const kubernetes = ignored('it is for nodes whose data is in Kubernetes')

const without = z.object({
  CALICO_MANAGE_CNI: kubernetes,
  CALICO_CNI_SERVICE_ACCOUNT: kubernetes,
  KUBECONFIG: kubernetes,
  KUBERNETES_SERVICE_HOST: kubernetes,
  KUBERNETES_SERVICE_PORT: kubernetes,
  K8S_API_ENDPOINT: kubernetes,
  K8S_CERT_FILE: kubernetes,
  K8S_KEY_FILE: kubernetes,
  K8S_CA_FILE: kubernetes,
  K8S_TOKEN: kubernetes,
  USE_POD_CIDR: kubernetes,
  NAMESPACE: ignored('BGP passwords are files below CALICO_SECRETS_DIR'),
  CALICO_ENDPOINT_STATUS_PATH_PREFIX: ignored('no workload is a BGP peer'),
  NODE_USER_ID: ignored('the container runs as root without rights'),
})

const store = z.object({
  DATASTORE_TYPE: text.optional().describe('`etcdv3`, the only one supported.'),
  ETCD_ENDPOINTS: text.optional().describe('Comma list of URLs.'),
  ETCD_DISCOVERY_SRV: text
    .optional()
    .describe('Domain whose SRV records name the endpoints; instead of ETCD_ENDPOINTS.'),
  ETCD_USERNAME: text.optional().describe('User, with ETCD_PASSWORD.'),
  ETCD_USERNAME_FILE: text.optional().describe('File that holds the user name.'),
  ETCD_PASSWORD: text.optional().describe('Password of ETCD_USERNAME.'),
  ETCD_PASSWORD_FILE: text.optional().describe('File that holds the password.'),
  ETCD_KEY_FILE: text.optional().describe('Client key.'),
  ETCD_CERT_FILE: text.optional().describe('Client certificate.'),
  ETCD_CA_CERT_FILE: text.optional().describe("Certificates that etcd's own must be signed by."),
  ETCD_AUTHORITY: text.optional().describe('Older form of one endpoint, HOST:PORT, with ETCD_SCHEME.'),
  ETCD_SCHEME: text.optional().describe('Scheme of ETCD_AUTHORITY.'),
})

/** The table by subject, for the reference. */
export const PARAM_SECTIONS = [
  { title: 'Identity', params: identity },
  { title: 'Addresses', params: addresses },
  { title: 'Networking and BGP', params: bgp },
  { title: 'Default pools', params: pools },
  { title: 'Container', params: container },
  { title: 'Docker networks', params: dockerNetworks },
  { title: 'Datastore', params: store },
  { title: 'Without effect', params: without },
] as const

export const StartupParams = z.object({
  ...identity.shape,
  ...addresses.shape,
  ...bgp.shape,
  ...pools.shape,
  ...container.shape,
  ...dockerNetworks.shape,
  ...without.shape,
  ...store.shape,
})
export type StartupParams = Readonly<z.output<typeof StartupParams>>
