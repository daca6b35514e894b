/**
 * What the selectors of policies and rules mean once namespaces and service accounts are spelled out as labels
 *. Endpoints inherit the labels of their namespace under `pcns.` and of their service account under
 * `pcsa.`; `all()` there means "is in one at all", `global()` "is in none".
 */
import type { EntityRuleSpec } from '@calico-node/model'
import { parseSelector, prefixLabels, type Selector, type SelectorNode, selectorOf } from '@calico-node/selector'

export const NAMESPACE_LABEL = 'projectcalico.org/namespace'
export const SERVICE_ACCOUNT_LABEL = 'projectcalico.org/serviceaccount'
export const NAMESPACE_PREFIX = 'pcns.'
export const SERVICE_ACCOUNT_PREFIX = 'pcsa.'

const IN_A_NAMESPACE: SelectorNode = { kind: 'has', label: NAMESPACE_LABEL }
const HAS_ACCOUNT: SelectorNode = { kind: 'has', label: SERVICE_ACCOUNT_LABEL }
const inNamespace = (name: string): SelectorNode => ({ kind: 'eq', label: NAMESPACE_LABEL, value: name })

const given = (text: string | undefined): text is string => text !== undefined && text.trim() !== ''
const astOf = (text: string): SelectorNode => parseSelector(text).ast
const namespaceAst = (text: string): SelectorNode =>
  prefixLabels(astOf(text), NAMESPACE_PREFIX, { all: IN_A_NAMESPACE, global: { kind: 'not', operand: IN_A_NAMESPACE } })

/** The conjunction of what is there; undefined when nothing is. */
function allOf(...parts: readonly (SelectorNode | undefined)[]): SelectorNode | undefined {
  const [first, ...rest] = parts.filter((part) => part !== undefined)
  return first === undefined || rest.length === 0 ? first : { kind: 'and', operands: [first, ...rest] }
}

export interface PolicyScope {
  readonly selector?: string | undefined
  /** Of the policy itself, when it is namespaced. */
  readonly namespace?: string | undefined
  readonly namespaceSelector?: string | undefined
  readonly serviceAccountSelector?: string | undefined
}

/** Which endpoints a policy applies to. @throws INVALID */
export function policySelector({
  selector,
  namespace,
  namespaceSelector,
  serviceAccountSelector,
}: PolicyScope): Selector {
  let ast = allOf(
    given(selector) ? astOf(selector) : undefined,
    namespace === undefined ? undefined : inNamespace(namespace),
  ) ?? { kind: 'all' }
  if (given(namespaceSelector)) ast = allBeing(IN_A_NAMESPACE, ast, namespaceAst(namespaceSelector))
  if (given(serviceAccountSelector)) {
    ast = allBeing(HAS_ACCOUNT, ast, prefixLabels(astOf(serviceAccountSelector), SERVICE_ACCOUNT_PREFIX))
  }
  return selectorOf(ast)
}

/** Both, where "all" (which an absent selector means, too) is all that are such. */
const allBeing = (such: SelectorNode, ast: SelectorNode, further: SelectorNode): SelectorNode =>
  prefixLabels({ kind: 'and', operands: [ast, further] }, '', { all: such })

export interface SideSelectors {
  /** Whoever is on this side must be chosen by it. */
  readonly positive?: Selector
  /** Whoever is on this side, known to Calico or not, must not be chosen by it. Only without a positive one. */
  readonly negative?: Selector
}

/** The selectors of one side of a rule of a policy in `namespace` (undefined for global ones). @throws INVALID */
export function sideSelectors(side: EntityRuleSpec, namespace: string | undefined): SideSelectors {
  const { selector, notSelector, namespaceSelector, serviceAccounts } = side
  const names = serviceAccounts?.names ?? []
  const wanted = allOf(
    given(serviceAccounts?.selector)
      ? prefixLabels(astOf(serviceAccounts.selector), SERVICE_ACCOUNT_PREFIX)
      : undefined,
    names.length > 0 ? { kind: 'in', label: SERVICE_ACCOUNT_LABEL, values: [...new Set(names)].toSorted() } : undefined,
    given(selector) ? astOf(selector) : undefined,
  )
  const usesSelectors = wanted !== undefined || given(notSelector) || given(namespaceSelector)
  const place = given(namespaceSelector) ? namespaceAst(namespaceSelector) : namespace && inNamespace(namespace)
  const positive = usesSelectors && place ? allOf(place, wanted) : wanted
  const negative = given(notSelector) ? astOf(notSelector) : undefined
  if (positive === undefined) return negative === undefined ? {} : { negative: selectorOf(negative) }
  return { positive: selectorOf(allOf(positive, negative && { kind: 'not', operand: negative }) ?? positive) }
}
