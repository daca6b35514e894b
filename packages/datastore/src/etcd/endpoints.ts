import dns from 'node:dns/promises'
import { CalicoError, messageOf } from '@calico-node/core'

const ENDPOINT = /^(?:(https?):\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?)(?::(\d{1,5}))?\/*$/i
const DEFAULT_PORT = 2379

/**
 * Cleans a list of endpoints as people write it: commas or blanks between, stray blanks and slashes, scheme and port
 * optional (etcd's client would take each of these for an outage).
 *
 * @param opts.secure Scheme of endpoints without one: https when true.
 * @returns `scheme://host:port`, each once, in the order given.
 * @throws INVALID naming the endpoint, also when http and https are mixed.
 */
export function parseEndpoints(text: string, opts: { readonly secure: boolean }): string[] {
  const endpoints = text
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => parseEndpoint(word, opts.secure))
  const schemes = new Set(endpoints.map((endpoint) => endpoint.split(':', 1)[0]))
  if (schemes.size > 1) throw invalid(text, 'http and https cannot be mixed')
  return [...new Set(endpoints)]
}

function parseEndpoint(text: string, secure: boolean): string {
  const match = ENDPOINT.exec(text)
  if (match === null) throw invalid(text, 'want http://host:port or https://host:port')
  const [, scheme = secure ? 'https' : 'http', host = '', , port = String(DEFAULT_PORT)] = match
  if (Number(port) < 1 || Number(port) > 65_535) throw invalid(text, 'the port must be 1-65535')
  return `${scheme.toLowerCase()}://${host.toLowerCase()}:${Number(port)}`
}

const invalid = (text: string, why: string): CalicoError =>
  new CalicoError('INVALID', `Cannot use etcd endpoint "${text}": ${why}`, { context: { text } })

/**
 * Asks DNS for the endpoints of `domain`. Where the secure service is announced, the other one is left out: a client
 * that is offered TLS must not fall back to plain text.
 *
 * @throws STORE_UNAVAILABLE when DNS does not answer or knows neither service.
 */
export async function discoverEndpoints(domain: string): Promise<string[]> {
  const [secure, plain] = await Promise.allSettled([
    dns.resolveSrv(`_etcd-client-ssl._tcp.${domain}`),
    dns.resolveSrv(`_etcd-client._tcp.${domain}`),
  ])
  for (const [scheme, answer] of [
    ['https', secure],
    ['http', plain],
  ] as const) {
    if (answer.status === 'rejected' || answer.value.length === 0) continue
    const records = answer.value.toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
    return records.map(({ name, port }) => parseEndpoint(`${scheme}://${name.replace(/\.$/, '')}:${port}`, false))
  }
  const why = [secure, plain].map((answer) => (answer.status === 'rejected' ? messageOf(answer.reason) : 'no records'))
  const message = `Cannot find etcd by the SRV records of ${domain}: ${[...new Set(why)].join('; ')}`
  throw new CalicoError('STORE_UNAVAILABLE', message, { context: { domain } })
}
