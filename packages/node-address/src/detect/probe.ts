import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { findIp } from '@calico-node/model'
import type { SourceProbe } from './facts.ts'

const RESOLVE_TIMEOUT_MS = 3000

/** A target as the operator wrote it, and where to send. */
export interface ProbeTarget {
  readonly text: string
  readonly host: string
  readonly port: number
}

/**
 * First address of `host` in the wanted family; undefined when it has none, or the resolver does not answer in time.
 */
async function resolveHost(host: string, version: 4 | 6): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(RESOLVE_TIMEOUT_MS)
  const late = new Promise<undefined>((done) =>
    timeout.addEventListener('abort', () => done(undefined), { once: true }),
  )
  const found = lookup(host, { family: version }).then(
    ({ address }) => address,
    () => undefined,
  )
  return Promise.race([found, late])
}

/**
 * Asks the kernel which source address packets towards `target` would carry. Connecting a UDP socket does the route
 * look-up and sends nothing.
 */
export async function probeSource(target: ProbeTarget, version: 4 | 6): Promise<SourceProbe> {
  const address = await resolveHost(target.host, version)
  if (address === undefined) return { target: target.text }
  const socket = createSocket(version === 4 ? 'udp4' : 'udp6')
  try {
    const source = await new Promise<string | undefined>((done) => {
      socket.once('error', () => done(undefined))
      socket.connect(target.port, address, () => done(socket.address().address))
    })
    const ip = source === undefined ? undefined : findIp(source)
    return { target: target.text, ...(ip !== undefined && { source: ip }) }
  } finally {
    socket.close()
  }
}

/** Reads host and port of an etcd endpoint such as `https://etcd-1:2379`; undefined when it has no host. */
export function endpointTarget(endpoint: string): ProbeTarget | undefined {
  const url = URL.parse(endpoint.includes('://') ? endpoint : `http://${endpoint}`)
  if (url === null || url.hostname === '') return undefined
  return { text: endpoint, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 2379) }
}
