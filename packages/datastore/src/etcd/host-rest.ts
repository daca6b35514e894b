import { NoopPolicy, type IDefaultPolicyContext } from 'cockatiel'
import { isRecoverableError } from 'etcd3'

/** How long a member that failed is passed over. */
const REST_MS = 10_000

/**
 * Which members of a cluster are being passed over. A member that failed rests for a while, as long as there is another
 * one: so a retry goes elsewhere, and a cluster of which every member has failed is tried all the same.
 */
export class HostRest {
  readonly #hosts: readonly string[]
  readonly #until = new Map<string, number>()

  constructor(hosts: readonly string[]) {
    this.#hosts = hosts
  }

  /** The policy that the etcd3 package asks for each host. */
  readonly policyFor = (host: string): NoopPolicy => new HostPolicy(host, this)

  mustPassOver(host: string): boolean {
    return this.#rests(host) && this.#hosts.some((other) => !this.#rests(other))
  }

  failed(host: string): void {
    this.#until.set(host, performance.now() + REST_MS)
  }

  #rests(host: string): boolean {
    return (this.#until.get(host) ?? 0) > performance.now()
  }
}

class HostPolicy extends NoopPolicy {
  readonly #host: string
  readonly #rest: HostRest

  constructor(host: string, rest: HostRest) {
    super()
    this.#host = host
    this.#rest = rest
  }

  override async execute<T>(
    call: (context: IDefaultPolicyContext) => PromiseLike<T> | T,
    signal?: AbortSignal,
  ): Promise<T> {
    if (this.#rest.mustPassOver(this.#host)) throw new Error('UNAVAILABLE: this member is passed over')
    try {
      return await super.execute(call, signal)
    } catch (err) {
      if (err instanceof Error && isRecoverableError(err)) this.#rest.failed(this.#host)
      throw err
    }
  }
}
