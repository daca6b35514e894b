/** Prints what `get` found. Pure. */
import { assertNever, CalicoError, nearestName } from '@calico-node/core'
import { kindInfo, type AnyResource, type Kind } from '@calico-node/model'
import type { Block } from './block.ts'
import { columnsOf, type CellContext } from './columns.ts'
import type { Format } from './format.ts'
import { renderGoTemplate } from './go-template/evaluate.ts'
import { toYaml } from './yaml.ts'

/** The answer to one question: one resource by its name, or all of a kind. */
export interface Found {
  readonly kind: Kind
  readonly items: readonly AnyResource[]
  /** Asked for by name. */
  readonly single: boolean
}

export interface PrintOptions extends CellContext {
  /** Show the namespace in tables: it was asked for. */
  readonly withNamespace: boolean
}

const byOrder = (items: readonly AnyResource[]): readonly AnyResource[] =>
  items.toSorted((a, b) => (a.kind === 'Tier' && b.kind === 'Tier' ? a.spec.order - b.spec.order : 0))

function table({ kind, items }: Found, choose: 'ps' | 'wide' | readonly string[], opts: PrintOptions): Block {
  const { cells, ps, wide } = columnsOf(kind)
  const chosen = choose === 'ps' ? ps : choose === 'wide' ? wide : choose
  const unknown = chosen.find((heading) => cells[heading] === undefined)
  if (unknown !== undefined) {
    const near = nearestName(unknown, Object.keys(cells))
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    throw new CalicoError(
      'INVALID',
      `Unknown heading ${unknown}, valid values are: ${Object.keys(cells).join(', ')}${hint}`,
    )
  }
  const namespaced = opts.withNamespace && kindInfo(kind).namespaced && typeof choose === 'string'
  const columns = namespaced ? ['NAMESPACE', ...chosen] : [...chosen]
  const rows = byOrder(items).map((item) => [
    ...(namespaced ? [item.metadata.namespace ?? ''] : []),
    ...chosen.map((heading) => cells[heading]?.(item, opts) ?? ''),
  ])
  return { kind: 'columns', columns, rows }
}

/** A list as a document: `NodeList` with items; one resource as itself. */
const documentOf = ({ kind, items, single }: Found): unknown =>
  single ? items[0] : { kind: `${kind}List`, apiVersion: 'projectcalico.org/v3', metadata: {}, items }

function documents(found: readonly Found[]): unknown {
  const [first, ...more] = found.map(documentOf)
  return more.length === 0 ? first : [first, ...more]
}

export function printFound(found: readonly Found[], format: Format, opts: PrintOptions): Block[] {
  switch (format.kind) {
    case 'ps':
    case 'wide':
      return found.map((one) => table(one, format.kind === 'ps' ? 'ps' : 'wide', opts))
    case 'custom-columns':
      return found.map((one) => table(one, format.columns, opts))
    case 'yaml':
      return found.length === 0 ? [] : [{ kind: 'text', text: toYaml(documents(found)) }]
    case 'json':
      return found.length === 0 ? [] : [{ kind: 'text', text: JSON.stringify(documents(found), undefined, 2) }]
    case 'name':
      return [
        {
          kind: 'text',
          text: found
            .flatMap(({ kind, items }) => items.map(({ metadata }) => `${kind.toLowerCase()}/${metadata.name}\n`))
            .join(''),
        },
      ]
    case 'go-template': {
      const config = { asnumber: opts.globalAsNumber }
      return [{ kind: 'text', text: renderGoTemplate(format.template, found.map(documentOf), config) }]
    }
    default:
      return assertNever(format)
  }
}
