import type { Logger } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, type KvStore } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import type { NodeName } from '@calico-node/model'
import type { NetConf } from './config/net-conf.ts'
import { getNodeName } from './config/node-name.ts'
import { CNI_CODE, CniError } from './protocol/error.ts'
import type { PodData } from './kubernetes/pod.ts'
import type { Request } from './protocol/request.ts'

/** What one call of a plugin works with. */
export interface Session {
  readonly request: Request
  readonly conf: NetConf
  readonly node: NodeName
  readonly client: CalicoClient
  readonly ipam: Ipam
  readonly log: Logger
  /** What Kubernetes knows of the pod; absent for anything else, and where no API server is configured. */
  readonly pod?: PodData
}

/** Runs `work` with a connection to the datastore, which is closed afterwards. */
export async function withSession<T>(
  { request, conf, log }: Pick<Session, 'request' | 'conf' | 'log'>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const node = getNodeName(conf)
  const store = openStore(conf, log)
  try {
    const client = new CalicoClient(store, { log })
    return await work({ request, conf, node, client, ipam: new Ipam({ client, log }), log })
  } finally {
    store.close()
  }
}

/** The configuration goes before the environment, which is the runtime's. */
function openStore(conf: NetConf, log: Logger): KvStore {
  const given = {
    DATASTORE_TYPE: conf.datastore_type,
    ETCD_ENDPOINTS: conf.etcd_endpoints,
    ETCD_DISCOVERY_SRV: conf.etcd_discovery_srv,
    ETCD_AUTHORITY: conf.etcd_authority,
    ETCD_SCHEME: conf.etcd_scheme,
    ETCD_KEY_FILE: conf.etcd_key_file,
    ETCD_CERT_FILE: conf.etcd_cert_file,
    ETCD_CA_CERT_FILE: conf.etcd_ca_cert_file,
  }
  const named = Object.entries(given).filter(([, value]) => value !== '')
  return openEtcd(parseConnection({ env: { ...process.env, ...Object.fromEntries(named) } }), log)
}

/** @throws CniError while the cluster is being upgraded or restored */
export async function assertReady(client: CalicoClient): Promise<void> {
  const cluster = await client.resources('ClusterInformation').find('default')
  if (cluster?.spec.datastoreReady !== false) return
  throw new CniError(CNI_CODE.tryAgainLater, 'Calico is currently not ready to process requests', {
    details: 'ClusterInformation "default" says datastoreReady: false, as during a migration',
  })
}
