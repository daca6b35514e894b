import { connect } from 'node:net'

/** What becomes of a TCP connection to a BGP speaker that hears nothing from us. */
export type ProbeResult =
  /** It sends its OPEN message: it has a session with our address configured. */
  | { readonly kind: 'open'; readonly asNumber: number }
  /** It takes the connection and closes it: it does not know our address. */
  | { readonly kind: 'closed' }
  /** It takes the connection and says nothing we understand. */
  | { readonly kind: 'mute' }
  | { readonly kind: 'refused' }
  /** Nothing comes back: a dead host, a filter, or a session with a password, which a probe cannot know. */
  | { readonly kind: 'silent' }
  /** The host says why it cannot even try: `EHOSTUNREACH`, `ENETUNREACH`. */
  | { readonly kind: 'unreachable'; readonly code: string }

export interface ProbeOptions {
  readonly address: string
  /** Default 179. */
  readonly port?: number
  /** From connecting to the last byte. Default 1000. */
  readonly timeoutMs?: number
}

/**
 * Connects to a peer as BIRD would and listens. Only for sessions that are not established: a peer may take the connection
 * for one of BIRD's, and drops that one instead.
 */
export function probePeer({ address, port = 179, timeoutMs = 1000 }: ProbeOptions): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>()
  const socket = connect({ host: address, port })
  let connected = false
  let heard = Buffer.alloc(0)
  const timer = setTimeout(() => resolve({ kind: connected ? 'mute' : 'silent' }), timeoutMs)
  socket.on('connect', () => (connected = true))
  socket.on('data', (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk])
    const result = readOpen(heard)
    if (result !== undefined) resolve(result)
  })
  socket.on('error', (err: NodeJS.ErrnoException) => {
    if (connected || err.code === 'ECONNRESET') resolve({ kind: 'closed' })
    else if (err.code === 'ECONNREFUSED') resolve({ kind: 'refused' })
    else if (err.code === 'ETIMEDOUT') resolve({ kind: 'silent' })
    else resolve({ kind: 'unreachable', code: err.code ?? err.message })
  })
  socket.on('close', () => resolve({ kind: 'closed' }))
  return promise.finally(() => {
    clearTimeout(timer)
    socket.destroy()
  })
}

const HEADER_BYTES = 19
const OPEN = 1
const CAPABILITIES = 2
const FOUR_OCTET_AS = 65

/** The first message of a BGP speaker (RFC 4271, 4.2); undefined while it is not complete. */
export function readOpen(bytes: Buffer): ProbeResult | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  if (bytes[18] !== OPEN) return { kind: 'closed' } // a NOTIFICATION: it will not have us
  if (bytes.length < bytes.readUInt16BE(16)) return undefined
  return { kind: 'open', asNumber: fourOctetAs(bytes) ?? bytes.readUInt16BE(HEADER_BYTES + 1) }
}

/** The AS number in the capabilities (RFC 6793), which the field of two bytes may not have room for. */
function fourOctetAs(open: Buffer): number | undefined {
  const end = Math.min(open.readUInt16BE(16), open.length)
  for (let at = HEADER_BYTES + 10; at + 2 <= end; at += 2 + (open[at + 1] ?? 0)) {
    if (open[at] !== CAPABILITIES) continue
    const last = Math.min(end, at + 2 + (open[at + 1] ?? 0))
    for (let cap = at + 2; cap + 2 <= last; cap += 2 + (open[cap + 1] ?? 0)) {
      if (open[cap] === FOUR_OCTET_AS && cap + 6 <= last) return open.readUInt32BE(cap + 2)
    }
  }
  return undefined
}
