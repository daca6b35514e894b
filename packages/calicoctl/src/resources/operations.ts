/** What create, apply, replace and delete do to one resource. */
import { CalicoError, hasCode } from '@calico-node/core'
import type { AnyResource, Kind, Metadata, Resource } from '@calico-node/model'
import { checkAgainstStore, dependsOnOthers } from './store-checks.ts'
import { StoreView } from './store-view.ts'

const refuse = (why: string): CalicoError => new CalicoError('UNSUPPORTED', why)

/** Written by other hands: the cluster's own record, and policies copied from Kubernetes. */
function checkWritable({ kind, metadata }: { readonly kind: Kind; readonly metadata: Metadata }): void {
  if (kind === 'ClusterInformation') throw refuse('resource is read-only')
  if (kind === 'NetworkPolicy' && metadata.name.startsWith('knp.default.'))
    throw refuse('it is managed through Kubernetes')
}

/** Name, namespace, labels and annotations are the user's; the rest of the metadata is not. */
function ownMetadata<K extends Kind>(resource: Resource<K>): Resource<K> {
  const { name, namespace, labels, annotations } = resource.metadata
  const metadata = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
  }
  return { ...resource, metadata }
}

/** @throws ALREADY_EXISTS; INVALID for what contradicts other resources */
export async function createResource(view: StoreView, resource: AnyResource): Promise<void> {
  checkWritable(resource)
  // Looked for first, so that what exists is called that, and not a contradiction to itself.
  if (dependsOnOthers(resource.kind) && (await view.find(resource)) === undefined)
    await checkAgainstStore(view, resource, { isNew: true })
  await view.client.resources(resource.kind).create(ownMetadata(resource))
}

/**
 * Replaces what is stored. The stored metadata stays, except labels and annotations, which are the document's
 * entirely. A resourceVersion in the document must be the stored one.
 *
 * @throws NOT_FOUND; CONFLICT
 */
export async function replaceResource(view: StoreView, resource: AnyResource): Promise<void> {
  checkWritable(resource)
  await checkAgainstStore(view, resource, { isNew: false })
  const { name, namespace, resourceVersion } = resource.metadata
  const resources = view.client.resources(resource.kind)
  if (resourceVersion === undefined) {
    const assumed = await view.findListed(resource)
    const change = (stored: AnyResource): AnyResource => replaced(stored, resource)
    await resources.modify(name, namespace, change, assumed === undefined ? {} : { assumed })
    return
  }
  const next = replaced(await resources.get(name, namespace), resource)
  await resources.update({ ...next, metadata: { ...next.metadata, resourceVersion } })
}

function replaced<K extends Kind>(stored: Resource<K>, resource: Resource<K>): Resource<K> {
  const { labels: _labels, annotations: _annotations, ...kept } = stored.metadata
  const { labels, annotations } = resource.metadata
  const metadata = {
    ...kept,
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
  }
  const status = resource.status ?? stored.status
  return { ...resource, metadata, ...(status !== undefined && { status }) }
}

/** Creates, or replaces what exists. */
export async function applyResource(view: StoreView, resource: AnyResource): Promise<void> {
  try {
    if ((await view.findListed(resource)) === undefined) return await createResource(view, resource)
  } catch (err) {
    if (!hasCode(err, 'ALREADY_EXISTS')) throw err
  }
  await replaceResource(view, resource)
}
