import type { CalicoClient } from '@calico-node/datastore'
import type { AnyResource, Kind } from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { flag, hidden, value } from '../../cli/option.ts'
import { FORMAT_WORDS, FORMATS, parseFormat, type Format } from '../../output/format.ts'
import { line } from '../../output/block.ts'
import { printFound, type Found } from '../../output/resources.ts'
import { namedError } from '../../resources/errors.ts'
import { selectResources, type Selected } from '../../resources/selection.ts'
import { fieldFilter, labelFilter, type ResourceFilter } from '../../resources/selectors.ts'
import { watchFound } from '../../resources/watch.ts'
import { fileOptions } from './options.ts'

const DEFAULT_AS_NUMBER = '64512'

async function globalAsNumber(client: CalicoClient): Promise<string> {
  const config = await client.resources('BGPConfiguration').find('default')
  return config?.spec.asNumber === undefined ? DEFAULT_AS_NUMBER : String(config.spec.asNumber)
}

/** Without what belongs to this cluster: fit to be created in another one. */
function exported<R extends AnyResource>(resource: R): R {
  const {
    namespace: _namespace,
    uid: _uid,
    resourceVersion: _version,
    creationTimestamp: _time,
    ...metadata
  } = resource.metadata
  return { ...resource, metadata }
}

export async function fetchSelected(client: CalicoClient, { kind, name, namespace }: Selected): Promise<Found> {
  const resources = client.resources(kind)
  if (name !== undefined) return { kind, items: [await resources.get(name, namespace)], single: true }
  return { kind, items: await resources.list(namespace === undefined ? {} : { namespace }), single: false }
}

interface Gathered {
  readonly found: readonly Found[]
  readonly errors: readonly string[]
}

async function gather(client: CalicoClient, selected: readonly Selected[], keep: ResourceFilter): Promise<Gathered> {
  const found: Found[] = []
  const errors: string[] = []
  for (const one of selected) {
    try {
      const { kind, items, single } = await fetchSelected(client, one)
      found.push({ kind, single, items: single ? items : items.filter(keep) })
    } catch (err) {
      errors.push(await namedError(client, err, { ...one, name: one.name ?? '' }))
    }
  }
  return { found, errors }
}

/** Only a node without a number of its own shows that of the cluster, and only where numbers are shown. */
const needsAsNumber = (kinds: readonly Kind[], format: Format): boolean =>
  format.kind === 'go-template' ||
  (kinds.includes('Node') &&
    (format.kind === 'wide' || (format.kind === 'custom-columns' && format.columns.includes('ASN'))))

export const command = defineCommand({
  args: ['[kind]', '[name...]'],
  options: {
    ...fileOptions,
    output: value('-o, --output <format>', `how to print: ${FORMATS} (default ps)`, parseFormat, FORMAT_WORDS),
    allNamespaces: flag('-A, --all-namespaces', 'resources of every namespace'),
    allNamespacesOld: hidden(flag('-a', 'as -A')),
    export: flag('--export', 'with a name: without uid, versions and times of this cluster'),
    selector: value('--selector <selector>', 'only resources whose labels match', labelFilter),
    fieldSelector: value(
      '--field-selector <fields>',
      'only resources with these values: spec.node=host-a,...',
      fieldFilter,
    ),
    watch: flag('-w, --watch', 'go on printing what changes, until Ctrl-C'),
  },
  examples: [
    ['get nodes -o wide', 'nodes with AS numbers and addresses'],
    ['get ippool default-ipv4-ippool -o yaml --export', 'a pool as a file for another cluster'],
    ['get networkpolicy -A --selector "team == \'red\'"', 'policies of every namespace by label'],
    ['get wep -A --field-selector spec.node=host-a --watch', 'endpoints of a host as they come and go'],
    ['get bgppeer -o custom-columns=NAME,PEERIP,ASN', 'columns of your choice'],
  ],
  async *run(context, [kind, names], options) {
    const allNamespaces = options.allNamespaces || options.allNamespacesOld
    const format = options.output ?? { kind: 'ps' as const }
    const selected = await selectResources(context, kind, names, { ...options, allNamespaces })
    if (selected.length === 0) return { blocks: [line('No resources specified')] }
    const client = await context.client()
    const { selector = () => true, fieldSelector = () => true } = options
    const keep: ResourceFilter = (resource) => selector(resource) && fieldSelector(resource)
    const kinds = selected.map((one) => one.kind)
    const asNumber = needsAsNumber(kinds, format)
      ? await globalAsNumber(client).catch(() => 'unknown')
      : DEFAULT_AS_NUMBER
    const printing = { globalAsNumber: asNumber, withNamespace: allNamespaces || options.namespace !== undefined }
    if (options.watch) return yield* watchFound(context, selected, keep, (found) => printFound(found, format, printing))
    const { found, errors } = await gather(client, selected, keep)
    const shown = options.export
      ? found.map((one) => (one.single ? { ...one, items: one.items.map(exported) } : one))
      : found
    return { blocks: printFound(shown, format, printing), errors }
  },
})
