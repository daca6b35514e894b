import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { messageOf } from '@calico-node/core'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import type { ApiAccess } from './access.ts'

const TIMEOUT_MS = 10_000

/**
 * Reads one object from the API server.
 *
 * @param path `/api/v1/namespaces/shop/pods/cart-0`.
 * @throws CniError saying why there is no answer, and what to do
 */
export async function getObject(access: ApiAccess, path: string): Promise<unknown> {
  const { status, body } = await fetchText(access, path)
  if (status === 200) return JSON.parse(body)
  const failed = (code: number, why: string, details = ''): CniError =>
    new CniError(code, `cannot read ${path} from Kubernetes: ${why}`, { details })
  if (status === 401) throw failed(CNI_CODE.plugin, 'it does not know the credentials', 'run install-cni again')
  if (status === 403)
    throw failed(CNI_CODE.plugin, 'permission denied', 'let the service account get pods, namespaces and nodes')
  if (status === 404) throw failed(CNI_CODE.plugin, 'there is none')
  throw failed(status >= 500 || status === 429 ? CNI_CODE.tryAgainLater : CNI_CODE.plugin, `HTTP status ${status}`)
}

async function fetchText(access: ApiAccess, path: string): Promise<{ status: number; body: string }> {
  const { server, token, ca, cert, key, skipVerify = false } = access
  const url = new URL(path, server)
  const options = {
    headers: { accept: 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    agent: false as const,
  }
  const tls = { ca, cert, key, rejectUnauthorized: !skipVerify }
  try {
    return await new Promise((resolve, reject) => {
      const sent = url.protocol === 'http:' ? httpRequest(url, options) : httpsRequest(url, { ...options, ...tls })
      sent.on('error', reject)
      sent.on('response', (answer) => {
        text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject)
      })
      sent.end()
    })
  } catch (cause) {
    const details = 'check that the API server runs and that this host reaches it'
    throw new CniError(CNI_CODE.tryAgainLater, `cannot reach Kubernetes at ${server}: ${messageOf(cause)}`, {
      details,
      cause,
    })
  }
}
