import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CalicoError } from '@calico-node/core'
import { readIfPresent, type WantedFile } from './files.ts'
import { renderKubeconfig, serverUrl } from './kubeconfig.ts'
import type { InstallConfig } from './params.ts'
import { renderNetworkConfig } from './template.ts'

const TLS_FILES = [
  ['ETCD_KEY_FILE', 'etcd-key'],
  ['ETCD_CERT_FILE', 'etcd-cert'],
  ['ETCD_CA_CERT_FILE', 'etcd-ca'],
] as const

/**
 * What should stand in the configuration folder, read afresh from the mounted secrets and the template. Credentials come
 * first and the configuration last: it is what the runtime takes for "the network is ready".
 *
 * @throws INVALID naming the variable or the file that is wrong
 */
export function wantedFiles(config: InstallConfig): readonly WantedFile[] {
  const template = findTemplate(config)
  if (template === undefined) return []
  const tls = tlsFiles(config)
  const kubeconfig = findKubeconfig(config)
  const tlsPaths = Object.fromEntries(
    TLS_FILES.map(([variable, name]) => [variable, tls.has(name) ? join(config.CNI_NET_DIR, 'calico-tls', name) : '']),
  )
  if (kubeconfig === undefined && /__(KUBECONFIG_FILE|SERVICEACCOUNT_TOKEN)/.test(template.text)) {
    const token = join(config.CALICO_CNI_SERVICEACCOUNT_DIR, 'token')
    throw new CalicoError(
      'INVALID',
      `Cannot write a kubeconfig: KUBERNETES_SERVICE_HOST is not set, or there is no ${token}`,
    )
  }
  const values = {
    NODENAME: config.KUBERNETES_NODE_NAME,
    KUBERNETES_NODE_NAME: config.KUBERNETES_NODE_NAME,
    KUBERNETES_SERVICE_HOST: config.KUBERNETES_SERVICE_HOST,
    KUBERNETES_SERVICE_PORT: String(config.KUBERNETES_SERVICE_PORT),
    SERVICEACCOUNT_TOKEN: kubeconfig?.token ?? '',
    KUBECONFIG_FILENAME: config.KUBECONFIG_FILE_NAME,
    KUBECONFIG_FILEPATH: join(config.CNI_NET_DIR, config.KUBECONFIG_FILE_NAME),
    ETCD_ENDPOINTS: config.ETCD_ENDPOINTS,
    ETCD_DISCOVERY_SRV: config.ETCD_DISCOVERY_SRV,
    ...tlsPaths,
    CNI_MTU: String(config.CNI_MTU),
    LOG_LEVEL: config.LOG_LEVEL,
  }
  const here = (...names: readonly string[]): string => join(config.CALICO_CNI_NET_MOUNT, ...names)
  return [
    ...[...tls].map(([name, content]) => ({ path: here('calico-tls', name), content })),
    ...(kubeconfig === undefined ? [] : [{ path: here(config.KUBECONFIG_FILE_NAME), content: kubeconfig.content }]),
    { path: here(config.CNI_CONF_NAME), content: renderNetworkConfig(template.text, values, template.origin) },
  ]
}

function findTemplate(config: InstallConfig): { readonly text: string; readonly origin: string } | undefined {
  const { CNI_NETWORK_CONFIG: text, CNI_NETWORK_CONFIG_FILE: file } = config
  if (file !== undefined) return { text: mustRead('CNI_NETWORK_CONFIG_FILE', file), origin: file }
  return text === '' ? undefined : { text, origin: 'CNI_NETWORK_CONFIG' }
}

/** The credentials for etcd, by the names of their copies. A file that a variable names must be there. */
function tlsFiles(config: InstallConfig): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [variable, name] of TLS_FILES) {
    const named = config[variable]
    const content =
      named === undefined ? readIfPresent(join(config.CALICO_CNI_SECRETS_DIR, name)) : mustRead(variable, named)
    if (content !== undefined) found.set(name, content)
  }
  return found
}

function findKubeconfig(config: InstallConfig): { readonly token: string; readonly content: string } | undefined {
  const dir = config.CALICO_CNI_SERVICEACCOUNT_DIR
  const host = config.KUBERNETES_SERVICE_HOST
  if (host === '' || !existsSync(join(dir, 'token'))) return undefined
  const token = mustRead('token of the service account', join(dir, 'token')).trim()
  const server = serverUrl(config.KUBERNETES_SERVICE_PROTOCOL, host, config.KUBERNETES_SERVICE_PORT)
  const caCert = config.SKIP_TLS_VERIFY ? {} : { caCert: mustRead('CA of the API server', join(dir, 'ca.crt')) }
  return { token, content: renderKubeconfig({ server, token, ...caCert }) }
}

function mustRead(what: string, path: string): string {
  const content = readIfPresent(path)
  if (content !== undefined && content.trim() !== '') return content
  throw new CalicoError(
    'INVALID',
    `Cannot read ${what}: ${path} ${content === undefined ? 'does not exist' : 'is empty'}`,
  )
}
