export interface ApiAccess {
  /** `https://10.96.0.1:443`. */
  readonly server: string
  readonly token: string
  /** PEM; absent: the certificate is not checked. */
  readonly caCert?: string
}

/** A kubeconfig with one cluster, one user and one context. JSON, which is YAML too. Pure. */
export function renderKubeconfig({ server, token, caCert }: ApiAccess): string {
  const trust =
    caCert === undefined
      ? { 'insecure-skip-tls-verify': true }
      : { 'certificate-authority-data': Buffer.from(caCert).toString('base64') }
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server, ...trust } }],
    users: [{ name: 'calico', user: { token } }],
    contexts: [{ name: 'calico-context', context: { cluster: 'local', user: 'calico' } }],
    'current-context': 'calico-context',
  }
  return `${JSON.stringify(kubeconfig, null, 2)}\n`
}

/** @param host Name or address; one of IPv6 may come without brackets. */
export const serverUrl = (protocol: string, host: string, port: number): string =>
  `${protocol}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
