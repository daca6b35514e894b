/** `get --selector` and `--field-selector`: which of the found resources to show. Pure. */
import { CalicoError } from '@calico-node/core'
import type { AnyResource } from '@calico-node/model'
import { labelSource, parseSelector } from '@calico-node/selector'

export type ResourceFilter = (resource: AnyResource) => boolean

/** Calico's own selector language, over the labels of the resource. @throws INVALID */
export function labelFilter(text: string): ResourceFilter {
  const selector = parseSelector(text)
  return ({ metadata }) => selector.matches(labelSource(metadata.labels ?? {}))
}

function valueOf(resource: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
      resource,
    )
}

const printed = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)

/**
 * `spec.node=host-a,metadata.name!=x`: all must hold; a missing field is empty.
 *
 * @throws INVALID
 */
export function fieldFilter(text: string): ResourceFilter {
  const tests = text.split(',').map((part) => {
    const match = /^\s*([\w.]+)\s*(!=|==?)\s*(.*?)\s*$/.exec(part)
    if (match === null)
      throw new CalicoError('INVALID', `Cannot read field selector "${part}": want FIELD=VALUE or FIELD!=VALUE`)
    const [, path = '', operator, wanted] = match
    return (resource: AnyResource): boolean => (printed(valueOf(resource, path)) === wanted) === (operator !== '!=')
  })
  return (resource) => tests.every((holds) => holds(resource))
}
