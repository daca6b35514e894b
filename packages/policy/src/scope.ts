/**
 * Which endpoints a selector of a policy really means, once namespaces and service accounts are taken into account
 * (labels of a namespace are inherited under `pcns.`, those of a service account under `pcsa.`).
 */
import type { EntityRuleSpec } from '@calico-node/model'
import { parseSelector, prefixLabels, type Selector, type SelectorNode, selectorOf } from '@calico-node/selector'

export const NAMESPACE_LABEL = 'projectcalico.org/namespace'
export const SERVICE_ACCOUNT_LABEL = 'projectcalico.org/serviceaccount'
const has = (label: string): SelectorNode => ({ kind: 'has', label })
const not = (operand: SelectorNode): SelectorNode => ({ kind: 'not', operand })
const parse = (text: string): SelectorNode => parseSelector(text).ast

function all(...nodes: readonly (SelectorNode | undefined)[]): SelectorNode | undefined {
  const operands = nodes.filter((node) => node !== undefined)
  return operands.length > 1 ? { kind: 'and', operands } : operands[0]
}

const given = (text: string | undefined): text is string => text !== undefined && text.trim() !== ''

const namespaces = (text: string): SelectorNode =>
  prefixLabels(parse(text), 'pcns.', { all: has(NAMESPACE_LABEL), global: not(has(NAMESPACE_LABEL)) })

/** The endpoints that a policy applies to. */
export function policySelector(
  spec: {
    readonly selector?: string | undefined
    readonly namespaceSelector?: string | undefined
    readonly serviceAccountSelector?: string | undefined
  },
  namespace: string | undefined,
): Selector {
  const inNamespace: SelectorNode | undefined =
    namespace === undefined ? undefined : { kind: 'eq', label: NAMESPACE_LABEL, value: namespace }
  let selector = all(given(spec.selector) ? parse(spec.selector) : undefined, inNamespace) ?? { kind: 'all' }
  // "All" then means: all endpoints of namespaces, all endpoints with a service account, in the whole selector.
  if (given(spec.namespaceSelector)) {
    selector = {
      kind: 'and',
      operands: [replaceAll(selector, has(NAMESPACE_LABEL)), namespaces(spec.namespaceSelector)],
    }
  }
  if (given(spec.serviceAccountSelector)) {
    const accounts = prefixLabels(parse(spec.serviceAccountSelector), 'pcsa.')
    selector = replaceAll({ kind: 'and', operands: [selector, accounts] }, has(SERVICE_ACCOUNT_LABEL))
  }
  return selectorOf(selector)
}

const replaceAll = (node: SelectorNode, by: SelectorNode): SelectorNode => prefixLabels(node, '', { all: by })

export interface SideSelectors {
  /** The address must belong to something that this selects. */
  readonly positive?: Selector
  /** The address must not belong to anything that this selects. */
  readonly negative?: Selector
}

/** What a side of a rule demands of the address, as selectors over endpoints and network sets. */
export function sideSelectors(side: EntityRuleSpec, namespace: string | undefined): SideSelectors {
  const { names = [], selector: accountSelector } = side.serviceAccounts ?? {}
  const accounts = all(
    given(accountSelector) ? prefixLabels(parse(accountSelector), 'pcsa.') : undefined,
    names.length > 0 ? { kind: 'in', label: SERVICE_ACCOUNT_LABEL, values: names } : undefined,
  )
  let positive = all(accounts, given(side.selector) ? parse(side.selector) : undefined)
  const negative = given(side.notSelector) ? parse(side.notSelector) : undefined
  if (positive !== undefined || negative !== undefined || given(side.namespaceSelector)) {
    const spaces: SelectorNode | undefined = given(side.namespaceSelector)
      ? namespaces(side.namespaceSelector)
      : namespace === undefined
        ? undefined
        : { kind: 'eq', label: NAMESPACE_LABEL, value: namespace }
    positive = all(spaces, positive)
  }
  // With both, one and the same endpoint must be in the one and not in the other.
  if (positive !== undefined && negative !== undefined) {
    return { positive: selectorOf({ kind: 'and', operands: [positive, not(negative)] }) }
  }
  if (positive !== undefined) return { positive: selectorOf(positive) }
  return negative === undefined ? {} : { negative: selectorOf(negative) }
}
