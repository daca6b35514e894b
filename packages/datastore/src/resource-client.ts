/**
 * Resources of one kind, read and written with compare-and-swap.
 *
 * Names are those that people use. The keys of policies carry the tier; policies written by Calico 3.32 and later, without
 * it, are found as well, and move to the key with the tier when they are written. The profile that allows everything is
 * never stored and always there.
 */
import { randomUUID } from 'node:crypto'
import { backoffMs, CalicoError, hasCode, sleep, type Logger } from '@calico-node/core'
import {
  decodeResource,
  DEFAULT_ALLOW_PROFILE,
  defaultAllowProfile,
  encodeResource,
  findResourceKey,
  isKind,
  isPolicyKind,
  prepareCreate,
  prepareUpdate,
  resolvePolicyNames,
  resourceKey,
  resourceKeys,
  resourcePrefix,
  type Kind,
  type Resource,
} from '@calico-node/model'
import type { KeyValue, KvStore } from './kv-store.ts'
import { conflict } from './store-errors.ts'

/** How often a change is tried against others who keep changing the same resource. */
const MAX_TRIES = 20

interface Stored<K extends Kind> {
  readonly at: Pick<KeyValue, 'key' | 'modRevision'>
  readonly resource: Resource<K>
}
interface Located<K extends Kind> extends Stored<K> {
  readonly at: KeyValue
}

export class ResourceClient<K extends Kind> {
  readonly kind: K
  readonly #store: KvStore
  readonly #log: Logger

  constructor(kind: K, store: KvStore, log: Logger) {
    this.kind = kind
    this.#store = store
    this.#log = log
  }

  /** @throws NOT_FOUND, or INVALID when what is stored cannot be read */
  async get(name: string, namespace?: string): Promise<Resource<K>> {
    const resource = await this.find(name, namespace)
    if (resource === undefined) throw this.#notFound('get', name, namespace)
    return resource
  }

  /** Undefined when it does not exist. @throws INVALID when what is stored cannot be read */
  async find(name: string, namespace?: string): Promise<Resource<K> | undefined> {
    return this.#virtual(name) ?? (await this.#locate(name, namespace))?.resource
  }

  /** All resources, or those of one namespace, in the order of their keys. Leaves out, and logs, what cannot be read. */
  async list(opts: { readonly namespace?: string } = {}): Promise<Resource<K>[]> {
    const { kvs } = await this.#store.list(resourcePrefix(this.kind, opts.namespace))
    const entries = kvs.flatMap((kv) => {
      const resource = this.#decodeOrLog(kv)
      return resource === undefined ? [] : [{ key: kv.key, resource: anyKind(resource) }]
    })
    const { policies, shadowed } = resolvePolicyNames(entries)
    for (const { entry, by } of shadowed)
      this.#log.warn('Policy is stored twice, one is ignored', { key: entry.key, by })
    const virtual = this.#virtual(DEFAULT_ALLOW_PROFILE)
    return [...policies.map(({ resource }) => resource), ...(virtual === undefined ? [] : [virtual])]
  }

  /** @returns What is stored now. @throws ALREADY_EXISTS, or INVALID, also for one that carries a resourceVersion */
  async create(resource: Resource<K>): Promise<Resource<K>> {
    const { name, namespace } = resource.metadata
    const key = resourceKey(this.kind, name, namespace)
    if (this.#virtual(name) !== undefined) throw this.#exists(name, namespace)
    const born = prepareCreate(anyKind(resource), { uid: randomUUID(), now: new Date() })
    const value = encodeResource(born)
    if (isPolicyKind(this.kind) && (await this.#locate(name, namespace)) !== undefined)
      throw this.#exists(name, namespace)
    try {
      return this.#decode(await this.#store.create(key, value))
    } catch (err) {
      if (!hasCode(err, 'ALREADY_EXISTS')) throw err
      const kv = await this.#store.get(key)
      const otherName = kv && this.#findOtherName(kv, name)
      if (otherName === undefined) throw this.#exists(name, namespace)
      const message = `Cannot create ${this.#nameOf(name, namespace)}: its key holds the one named "${otherName}"`
      throw new CalicoError('ALREADY_EXISTS', message, { context: { otherName } })
    }
  }

  /** Replaces the version that `resource` was read as. @throws CONFLICT, NOT_FOUND, or INVALID */
  async update(resource: Resource<K>): Promise<Resource<K>> {
    const { name, namespace, resourceVersion } = resource.metadata
    this.#refuseVirtual('update', name)
    if (resourceVersion === undefined) {
      throw new CalicoError('INVALID', `Cannot update ${this.#nameOf(name, namespace)}: it carries no resourceVersion`)
    }
    const stored = await this.#locate(name, namespace)
    if (stored === undefined) throw this.#notFound('update', name, namespace)
    if (stored.resource.metadata.resourceVersion !== resourceVersion) throw conflict('update', stored.at.key, stored.at)
    return this.#replace(stored, resource)
  }

  /** Creates it, or replaces whatever version is there, keeping uid and creation time. */
  async apply(resource: Resource<K>): Promise<Resource<K>> {
    const { name, namespace } = resource.metadata
    const { resourceVersion: _, ...metadata } = resource.metadata
    this.#refuseVirtual('apply', name)
    return this.#retrying('apply', name, namespace, async () => {
      const stored = await this.#locate(name, namespace)
      return stored === undefined
        ? this.create({ ...resource, metadata })
        : this.#replace(stored, { ...resource, metadata })
    })
  }

  /** Creates it unless it is there already. @returns What is stored, whoever made it */
  async ensure(resource: Resource<K>): Promise<Resource<K>> {
    const { name, namespace } = resource.metadata
    return this.#retrying(
      'create',
      name,
      namespace,
      async () => (await this.find(name, namespace)) ?? this.create(resource),
    )
  }

  /**
   * Changes what is stored, as often as it takes until nobody else changes it in between.
   *
   * @param change Gets what is stored; may be called several times. Undefined: leave it as it is.
   * @param opts.assumed What was read before: the first try takes it for what is stored, which saves reading it again.
   * @returns What is stored now; undefined when `change` left it.
   * @throws NOT_FOUND; CONFLICT when others kept changing it for too long; what `change` throws
   */
  async modify(
    name: string,
    namespace: string | undefined,
    change: (stored: Resource<K>) => Resource<K> | undefined,
    opts: { readonly assumed?: Resource<K> } = {},
  ): Promise<Resource<K> | undefined> {
    this.#refuseVirtual('change', name)
    let assumed = opts.assumed && this.#asRead(opts.assumed)
    return this.#retrying('change', name, namespace, async () => {
      const stored = assumed ?? (await this.#locate(name, namespace))
      assumed = undefined
      if (stored === undefined) throw this.#notFound('change', name, namespace)
      const next = change(stored.resource)
      return next === undefined ? undefined : this.#replace(stored, next)
    })
  }

  /** Deletes it, even if what is stored cannot be read. @throws NOT_FOUND, or CONFLICT when it has another version */
  async delete(name: string, namespace?: string, opts: { readonly resourceVersion?: string } = {}): Promise<void> {
    this.#refuseVirtual('delete', name)
    let at = opts.resourceVersion === undefined ? {} : { modRevision: BigInt(opts.resourceVersion) }
    let deleted = false
    for (const key of resourceKeys(this.kind, name, namespace)) {
      const kv = await this.#store.get(key)
      if (kv === undefined || this.#findOtherName(kv, name) !== undefined) continue
      await this.#store.delete(key, at)
      at = {} // what the first one hid goes with it, whatever its version
      deleted = true
    }
    if (!deleted) throw this.#notFound('delete', name, namespace)
  }

  /** Where the resource of that name is stored: under the key with the tier, else under the one without. */
  async #locate(name: string, namespace: string | undefined): Promise<Located<K> | undefined> {
    for (const key of resourceKeys(this.kind, name, namespace)) {
      const kv = await this.#store.get(key)
      if (kv === undefined) continue
      const resource = this.#decode(kv)
      // `foo` and `default.foo` share a key; what is stored answers to the name it was given only.
      if (resource.metadata.name === name) return { at: kv, resource }
    }
    return undefined
  }

  /** A resource that was read, as if it had just been found under the key that we write. */
  #asRead(resource: Resource<K>): Stored<K> | undefined {
    const { name, namespace, resourceVersion } = resource.metadata
    if (resourceVersion === undefined) return undefined
    return { at: { key: resourceKey(this.kind, name, namespace), modRevision: BigInt(resourceVersion) }, resource }
  }

  /** The name of what is stored in place of `name`; undefined when that is `name`, or cannot be told. */
  #findOtherName(kv: KeyValue, name: string): string | undefined {
    const found = this.#decodeOrLog(kv)?.metadata.name
    return found === name ? undefined : found
  }

  /** Writes over `stored`, which moves a policy to the key with its tier. */
  async #replace({ at, resource: before }: Stored<K>, next: Resource<K>): Promise<Resource<K>> {
    const { name, namespace } = before.metadata
    const value = encodeResource(prepareUpdate(anyKind(next), anyKind(before)))
    const key = resourceKey(this.kind, name, namespace)
    if (key === at.key) return this.#decode(await this.#store.update(key, value, at.modRevision))
    const moved = await this.#store.create(key, value)
    try {
      await this.#store.delete(at.key, { modRevision: at.modRevision })
    } catch (err) {
      if (hasCode(err, 'CONFLICT')) await this.#store.delete(key, { modRevision: moved.modRevision })
      if (!hasCode(err, 'NOT_FOUND')) throw err
    }
    return this.#decode(moved)
  }

  /** Repeats `attempt` as long as somebody else gets in between. */
  async #retrying<T>(
    action: string,
    name: string,
    namespace: string | undefined,
    attempt: () => Promise<T>,
  ): Promise<T> {
    let last: unknown
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      try {
        return await attempt()
      } catch (err) {
        if (!isRace(err)) throw err
        last = err
      }
      await sleep(backoffMs(tries, { baseMs: 10, capMs: 500 }))
    }
    const message = `Cannot ${action} ${this.#nameOf(name, namespace)}: others kept changing it (${MAX_TRIES} tries)`
    throw new CalicoError('CONFLICT', message, { cause: last })
  }

  #decode(kv: KeyValue): Resource<K> {
    return decodeResource(this.kind, kv.value, kv)
  }

  #decodeOrLog(kv: KeyValue): Resource<K> | undefined {
    if (findResourceKey(kv.key)?.kind !== this.kind) return undefined
    try {
      return this.#decode(kv)
    } catch (err) {
      if (!hasCode(err, 'INVALID')) throw err
      this.#log.warn('Stored resource cannot be read and is left out', { key: kv.key, err })
      return undefined
    }
  }

  #virtual(name: string): Resource<K> | undefined {
    if (this.kind !== 'Profile' || name !== DEFAULT_ALLOW_PROFILE) return undefined
    return decodeResource(this.kind, VIRTUAL_PROFILE, { key: resourceKey(this.kind, name), modRevision: 1n })
  }

  #refuseVirtual(action: string, name: string): void {
    if (this.#virtual(name) === undefined) return
    throw new CalicoError('UNSUPPORTED', `Cannot ${action} ${this.#nameOf(name)}: it is built in`)
  }

  #exists(name: string, namespace: string | undefined): CalicoError {
    return new CalicoError('ALREADY_EXISTS', `Cannot create ${this.#nameOf(name, namespace)}: it exists already`)
  }

  #notFound(action: string, name: string, namespace: string | undefined): CalicoError {
    return new CalicoError('NOT_FOUND', `Cannot ${action} ${this.#nameOf(name, namespace)}: it does not exist`)
  }

  #nameOf(name: string, namespace?: string): string {
    return `${this.kind} "${namespace === undefined ? '' : `${namespace}/`}${name}"`
  }
}

const VIRTUAL_PROFILE = encodeResource(defaultAllowProfile())

/** Somebody else was faster, so what was read no longer holds. */
function isRace(err: unknown): boolean {
  if (hasCode(err, 'ALREADY_EXISTS')) return !('otherName' in err.context)
  return hasCode(err, 'CONFLICT') || (hasCode(err, 'NOT_FOUND') && 'key' in err.context)
}

/** The compiler cannot see that a resource of kind K is one of all kinds. */
function anyKind<K extends Kind>(resource: Resource<K>): Resource<K> & Resource {
  if (isOfKnownKind(resource)) return resource
  throw new TypeError(`Cannot use a resource of kind ${resource.kind}`)
}
const isOfKnownKind = (resource: { readonly kind: Kind }): resource is Resource => isKind(resource.kind)
