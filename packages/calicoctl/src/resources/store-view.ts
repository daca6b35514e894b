import type { CalicoClient } from '@calico-node/datastore'
import type { AnyResource, Kind } from '@calico-node/model'

/** From how many documents of a kind on it pays to read the whole kind at once. */
const MANY = 20

const idOf = ({ metadata }: AnyResource): string => `${metadata.namespace ?? ''}/${metadata.name}`

/**
 * The store as the documents of one batch are compared with it. What many documents need is read once; everything that
 * was read here can be old by the time it is used, so writers must find out by themselves when it is.
 */
export class StoreView {
  readonly client: CalicoClient
  readonly #listed: Kind | undefined
  readonly #lists = new Map<Kind, Promise<ReadonlyMap<string, AnyResource>>>()

  /** @param batch What will be written, of one kind. */
  constructor(client: CalicoClient, batch: readonly AnyResource[] = []) {
    this.client = client
    this.#listed = batch.length < MANY ? undefined : batch[0]?.kind
  }

  /** All names of a kind without namespaces. */
  async names(kind: Kind): Promise<string[]> {
    return [...(await this.#all(kind)).values()].map(({ metadata }) => metadata.name)
  }

  /** What the store has in place of a resource of the batch; undefined when there is nothing that can be read. */
  async find(resource: AnyResource): Promise<AnyResource | undefined> {
    if (resource.kind === this.#listed) return (await this.#all(resource.kind)).get(idOf(resource))
    return this.client.resources(resource.kind).find(resource.metadata.name, resource.metadata.namespace)
  }

  /** As {@link find}, but only when it costs nothing: undefined when it was not read. */
  async findListed(resource: AnyResource): Promise<AnyResource | undefined> {
    return resource.kind === this.#listed ? this.find(resource) : undefined
  }

  #all(kind: Kind): Promise<ReadonlyMap<string, AnyResource>> {
    const known = this.#lists.get(kind)
    if (known !== undefined) return known
    const list: Promise<readonly AnyResource[]> = this.client.resources(kind).list()
    const byId = list.then((resources) => new Map(resources.map((resource) => [idOf(resource), resource])))
    this.#lists.set(kind, byId)
    return byId
  }
}
