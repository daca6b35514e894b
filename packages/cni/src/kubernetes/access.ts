/** How to reach the API server of Kubernetes: a kubeconfig, or the fields of the network configuration. */
import { readFileSync } from 'node:fs'
import { messageOf } from '@calico-node/core'
import { load } from 'js-yaml'
import { z } from 'zod'
import type { NetConf } from '../config/net-conf.ts'
import { CNI_CODE, CniError } from '../protocol/error.ts'

export interface ApiAccess {
  /** `https://10.96.0.1:443`. */
  readonly server: string
  readonly token?: string | undefined
  /** PEM. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly skipVerify?: boolean | undefined
}

const text = z.string().optional()

/** The part of a kubeconfig that says where and who. */
const Kubeconfig = z.object({
  'current-context': z.string(),
  contexts: z.array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) })),
  clusters: z.array(
    z.object({
      name: z.string(),
      cluster: z.object({
        server: z.string(),
        'certificate-authority': text,
        'certificate-authority-data': text,
        'insecure-skip-tls-verify': z.boolean().optional(),
      }),
    }),
  ),
  users: z.array(
    z.object({
      name: z.string(),
      user: z.object({
        token: text,
        tokenFile: text,
        'client-certificate': text,
        'client-certificate-data': text,
        'client-key': text,
        'client-key-data': text,
      }),
    }),
  ),
})

/** @returns Undefined when the configuration names no API server. @throws CniError naming what cannot be read */
export function findApiAccess({ kubernetes, policy }: Pick<NetConf, 'kubernetes' | 'policy'>): ApiAccess | undefined {
  const { kubeconfig, k8s_api_root: root } = kubernetes
  if (kubeconfig !== '') return fromKubeconfig(kubeconfig, root)
  const server = root || policy.k8s_api_root
  if (server === '') return undefined
  return {
    server: server.replace(/\/api(\/v1)?\/?$/, ''),
    token: policy.k8s_auth_token || undefined,
    ca: readIfNamed(policy.k8s_certificate_authority),
    cert: readIfNamed(policy.k8s_client_certificate),
    key: readIfNamed(policy.k8s_client_key),
  }
}

function fromKubeconfig(path: string, root: string): ApiAccess {
  const parsed = Kubeconfig.safeParse(parseYaml(path))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw unusable(path, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is no kubeconfig'}`)
  }
  const { contexts, clusters, users, 'current-context': current } = parsed.data
  const context = contexts.find(({ name }) => name === current)?.context
  const cluster = clusters.find(({ name }) => name === context?.cluster)?.cluster
  const user = users.find(({ name }) => name === context?.user)?.user
  if (cluster === undefined || user === undefined)
    throw unusable(path, `current-context "${current}" leads to no cluster or no user`)
  return {
    server: root || cluster.server,
    token: user.token ?? readIfNamed(user.tokenFile)?.trim(),
    ca: inlineOrFile(cluster['certificate-authority-data'], cluster['certificate-authority']),
    cert: inlineOrFile(user['client-certificate-data'], user['client-certificate']),
    key: inlineOrFile(user['client-key-data'], user['client-key']),
    skipVerify: cluster['insecure-skip-tls-verify'],
  }
}

function parseYaml(path: string): unknown {
  try {
    return load(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw unusable(path, messageOf(cause))
  }
}

const inlineOrFile = (data: string | undefined, path: string | undefined): string | undefined =>
  data === undefined ? readIfNamed(path) : Buffer.from(data, 'base64').toString()

function readIfNamed(path = ''): string | undefined {
  if (path === '') return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw unusable(path, messageOf(cause))
  }
}

const unusable = (path: string, why: string): CniError =>
  new CniError(CNI_CODE.invalidConfig, `cannot use ${path} to reach Kubernetes: ${why}`)
