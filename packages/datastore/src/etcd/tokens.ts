import { InterceptingCall, ListenerBuilder, RequesterBuilder, status, type Interceptor } from '@grpc/grpc-js'
import { messageOf } from '@calico-node/core'

/** etcd's words for a token that it no longer takes; the request was not carried out. */
const EXPIRED = /invalid auth token|auth store is old/
/** The same, when authentication was switched on after we had learned that there was none. */
const WANTED = /user name is empty/
/** What the interceptor puts in their place, because the etcd3 package answers those by repeating the call for ever. */
export const TOKEN_EXPIRED = 'the authentication token has expired'

/** Whether a watch was refused because of its token: those refusals arrive as messages and pass the interceptor by. */
export const saysTokenExpired = (err: unknown): boolean => EXPIRED.test(messageOf(err))

/** Keeps the token that stands for a user name and password, and fetches another one when etcd has forgotten it. */
export class AuthTokens {
  readonly #authenticate: () => Promise<string>
  #pending: Promise<void> | undefined
  #token: string | undefined

  /** @param authenticate Trades the password for a token. */
  constructor(authenticate: () => Promise<string>) {
    this.#authenticate = authenticate
  }

  get token(): string | undefined {
    return this.#token
  }

  /** Resolves once there is a token, or it is known that etcd wants none. */
  async ready(): Promise<void> {
    this.#pending ??= this.#fetch()
    await this.#pending
  }

  /** Drops `token` unless it has been replaced already. */
  forget(token: string | undefined): void {
    if (token !== this.#token) return
    this.#token = undefined
    this.#pending = undefined
  }

  async #fetch(): Promise<void> {
    try {
      this.#token = await this.#authenticate()
    } catch (err) {
      if (messageOf(err).includes('authentication is not enabled')) return // credentials given, but not asked for
      this.#pending = undefined
      throw err
    }
  }
}

/**
 * Adds to every call the token, and the wish to be refused by a member that is cut off from its cluster: without it, such
 * a member leaves a watch open and silent.
 */
export function metadataInterceptor(tokens: AuthTokens | undefined): Interceptor {
  return (options, nextCall) => {
    const requester = new RequesterBuilder().withStart((metadata, _listener, next) => {
      const token = tokens?.token
      if (token !== undefined) metadata.set('token', token)
      metadata.set('hasleader', 'true')
      const onStatus = new ListenerBuilder().withOnReceiveStatus((result, pass) => {
        const expired = tokens !== undefined && (token === undefined ? WANTED : EXPIRED).test(result.details)
        if (expired) tokens.forget(token)
        pass(expired ? { ...result, code: status.UNAUTHENTICATED, details: TOKEN_EXPIRED } : result)
      })
      next(metadata, onStatus.build())
    })
    return new InterceptingCall(nextCall(options), requester.build())
  }
}
