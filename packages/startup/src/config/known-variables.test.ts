import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { knownVariables } from './known-variables.ts'
import { renderEnvironmentReference } from './reference.ts'

const packages = resolve(import.meta.dirname, '../../..')
/** What of the container reads the environment. */
const PROGRAMS = [
  'startup',
  'felix',
  'confd',
  'bird',
  'node-services',
  'libnetwork',
  'node-address',
  'datastore',
  'core',
]
/** Set when the programs are bundled. */
const BUILD = 'CALICO_BUILD_VERSION'

/** What upstream documents for the container, apart from the parameters of Felix. */
const DOCUMENTED = `NODENAME HOSTNAME IP IP6 IP_AUTODETECTION_METHOD IP6_AUTODETECTION_METHOD AUTODETECT_POLL_INTERVAL
  DISABLE_NODE_IP_CHECK AS CALICO_ROUTER_ID CALICO_NETWORKING CALICO_NETWORKING_BACKEND BGP_LOGSEVERITYSCREEN
  CALICO_ADVERTISE_CLUSTER_IPS CALICO_ENDPOINT_STATUS_PATH_PREFIX NAMESPACE CALICO_K8S_NODE_REF NO_DEFAULT_POOLS
  CALICO_IPV4POOL_CIDR CALICO_IPV6POOL_CIDR CALICO_IPV4POOL_BLOCK_SIZE CALICO_IPV6POOL_BLOCK_SIZE CALICO_IPV4POOL_IPIP
  CALICO_IPV4POOL_VXLAN CALICO_IPV6POOL_VXLAN CALICO_IPV4POOL_NAT_OUTGOING CALICO_IPV6POOL_NAT_OUTGOING
  CALICO_IPV4POOL_NODE_SELECTOR CALICO_IPV6POOL_NODE_SELECTOR CALICO_IPV4POOL_DISABLE_BGP_EXPORT
  CALICO_IPV6POOL_DISABLE_BGP_EXPORT WAIT_FOR_DATASTORE CALICO_STARTUP_LOGLEVEL CALICO_DISABLE_FILE_LOGGING
  CALICO_DISABLE_FELIX CALICO_MANAGE_CNI CALICO_NODENAME_FILE CALICO_SHUTDOWN_TIMESTAMP_FILE CLUSTER_TYPE NODE_USER_ID
  CALICO_LIBNETWORK_ENABLED CALICO_LIBNETWORK_IFPREFIX CALICO_LIBNETWORK_CREATE_PROFILES
  CALICO_LIBNETWORK_LABEL_ENDPOINTS CALICO_CNI_SERVICE_ACCOUNT KUBECONFIG K8S_API_ENDPOINT K8S_CERT_FILE K8S_KEY_FILE
  K8S_CA_FILE K8S_TOKEN USE_POD_CIDR FELIX_IPV6SUPPORT FELIX_HEALTHHOST FELIX_HEALTHPORT FELIX_HEALTHENABLED
  DATASTORE_TYPE ETCD_ENDPOINTS ETCD_DISCOVERY_SRV ETCD_USERNAME ETCD_PASSWORD ETCD_KEY_FILE ETCD_CERT_FILE
  ETCD_CA_CERT_FILE ETCD_AUTHORITY ETCD_SCHEME`.split(/\s+/)

test('every variable that a program reads is known, so that none is warned about', () => {
  const known = knownVariables()
  const sources = globSync(PROGRAMS.map((name) => join(packages, name, 'src/**/*.ts')))
  assert.ok(sources.length > 300, `only ${sources.length} sources`)
  const read = sources
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(/(?<=[\s'"{(])CALICO_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?![_$])/g),
    ])
    .map(([name]) => name)
  assert.deepEqual([...new Set(read)].filter((name) => name !== BUILD && !known.has(name)).toSorted(), [])
})

test('the reference names everything that upstream documents', () => {
  const reference = renderEnvironmentReference()
  assert.deepEqual(
    DOCUMENTED.filter((name) => !reference.includes(`| ${name} |`)),
    [],
  )
})
