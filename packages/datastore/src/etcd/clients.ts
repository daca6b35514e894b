/**
 * The connections to etcd: one client for calls, one for watches (so that a large list does not hold up the pings that
 * keep the watches alive), both made anew when a certificate file changes or when SRV discovery must be asked again.
 *
 * Calls and watches in flight keep the connection they began on; the next ones use the new one.
 */
import { Etcd3, type IOptions } from 'etcd3'
import { noop } from 'cockatiel'
import type { Logger } from '@calico-node/core'
import { storeClosed } from '../store-errors.ts'
import type { EtcdConnection } from './connection.ts'
import { discoverEndpoints } from './endpoints.ts'
import { explainFailure, type Failure } from './failures.ts'
import { HostRest } from './host-rest.ts'
import { fingerprint, loadCredentials } from './tls.ts'
import { AuthTokens, metadataInterceptor, saysTokenExpired } from './tokens.ts'

const CHECK_FILES_MS = 1000
/** So much of an answer may be on its way; with gRPC's 64 KiB a list waits for our loop a hundred times, a quarter of its time. */
const WINDOW_BYTES = 1024 * 1024
const DISCOVER_AGAIN_MS = 30_000

interface Clients {
  readonly connection: EtcdConnection
  readonly calls: Etcd3
  readonly watches: Etcd3
  readonly tokens: AuthTokens | undefined
  readonly files: string
}

export class EtcdClients {
  readonly #asked: EtcdConnection
  readonly #log: Logger
  #current: Promise<Clients> | undefined
  /** What `current` has come to. */
  #known: Clients | undefined
  #checkedAt = 0
  #discoveredAt = 0
  #closed = false

  constructor(connection: EtcdConnection, log: Logger) {
    this.#asked = connection
    this.#log = log
  }

  get timeoutMs(): number {
    return this.#asked.timeoutMs ?? 10_000
  }

  /** How many members a call can go to, as far as known. */
  get endpointCount(): number {
    return this.#known?.connection.endpoints.length ?? this.#asked.endpoints.length
  }

  /** The client for calls or watches, ready to authenticate. @throws whatever makes that impossible, unexplained */
  async get(purpose: 'calls' | 'watches'): Promise<Etcd3> {
    if (this.#closed) throw storeClosed()
    if (this.#known !== undefined) this.#refreshAfterRotation(this.#known)
    this.#current ??= this.#open()
    const clients = await this.#current
    await clients.tokens?.ready()
    return clients[purpose]
  }

  /** See {@link explainFailure}; also remembers what the failure says about the connection. */
  explain(err: unknown, action: string): Failure {
    const failure = explainFailure(err, action, this.#known?.connection ?? this.#asked)
    if (saysTokenExpired(err)) this.#known?.tokens?.forget(this.#known.tokens.token)
    if (failure.error.code === 'STORE_UNAVAILABLE') this.#discoverAgain()
    return failure
  }

  close(): void {
    this.#closed = true
    if (this.#known !== undefined) retire(this.#known)
  }

  async #open(): Promise<Clients> {
    try {
      const endpoints = await this.#endpoints()
      this.#known = build({ ...this.#asked, endpoints })
      if (this.#closed) retire(this.#known)
      return this.#known
    } catch (err) {
      this.#current = undefined
      throw err
    }
  }

  async #endpoints(): Promise<readonly string[]> {
    if (this.#asked.discoverySrv === undefined) return this.#asked.endpoints
    const endpoints = await discoverEndpoints(this.#asked.discoverySrv)
    this.#discoveredAt = performance.now()
    this.#log.info('Found etcd by SRV records', { domain: this.#asked.discoverySrv, endpoints })
    return endpoints
  }

  #discoverAgain(): void {
    if (this.#known === undefined || this.#asked.discoverySrv === undefined) return
    if (performance.now() - this.#discoveredAt < DISCOVER_AGAIN_MS) return
    retire(this.#known)
    this.#known = undefined
    this.#current = undefined
  }

  #refreshAfterRotation(old: Clients): void {
    const { tls } = old.connection
    const now = performance.now()
    if (tls === undefined || old.files === '' || now - this.#checkedAt < CHECK_FILES_MS) return
    this.#checkedAt = now
    if (fingerprint(tls) === old.files) return
    try {
      const fresh = build(old.connection)
      this.#known = fresh
      this.#current = Promise.resolve(fresh)
      retire(old)
      this.#log.info('Certificates for etcd have changed, using the new ones')
    } catch (err) {
      this.#log.warn('Certificates for etcd have changed but cannot be used, keeping the old ones', { err })
    }
  }
}

function build(connection: EtcdConnection): Clients {
  const { tls, username, password } = connection
  const secure = tls !== undefined && connection.endpoints.some((endpoint) => endpoint.startsWith('https:'))
  const files = secure ? fingerprint(tls) : ''
  const credentials = secure ? { credentials: loadCredentials(tls) } : {}
  const authenticate = async (): Promise<string> => {
    const answer = await calls.auth.authenticate({ name: username ?? '', password: password ?? '' })
    return answer.token
  }
  const tokens = username === undefined ? undefined : new AuthTokens(authenticate)
  const client = (purpose: string): Etcd3 => new Etcd3({ ...optionsOf(connection, tokens, purpose), ...credentials })
  const calls = client('calls')
  return { connection, calls, watches: client('watches'), tokens, files }
}

function optionsOf(connection: EtcdConnection, tokens: AuthTokens | undefined, purpose: string): IOptions {
  const { endpoints, timeoutMs = 10_000, keepaliveMs = 30_000, keepaliveTimeoutMs = 10_000 } = connection
  return {
    hosts: [...endpoints],
    // The package would repeat writes whose answer was lost, hence no policy of its own over all hosts.
    faultHandling: { global: noop, host: new HostRest(endpoints).policyFor },
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + timeoutMs }),
    grpcOptions: {
      'grpc.max_receive_message_length': -1,
      'grpc-node.flow_control_window': WINDOW_BYTES,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 3000,
      'grpc.primary_user_agent': `calico-node-${purpose}`, // clients with different options do not share a connection
      interceptors: [metadataInterceptor(tokens)],
    },
  }
}

function retire({ calls, watches }: Clients): void {
  calls.close()
  watches.close()
}
