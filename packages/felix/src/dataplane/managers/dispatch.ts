import type { Chain } from '@calico-node/linux'
import { dispatchChains } from '../../rules/dispatch.ts'
import { CHAIN, fromWorkloadChainName, toWorkloadChainName } from '../../rules/names.ts'
import { rule } from '../../rules/vocabulary.ts'
import type { DataplaneOp } from '../ops.ts'
import type { ManagerContext } from './manager.ts'

/** Keeps the dispatch tree; only the branches that a change touches are sent again. */
export class WorkloadDispatch {
  readonly #context: ManagerContext
  /** By name: what the chain's rules looked like when they were last sent. */
  #sent = new Map<string, string>()
  constructor(context: ManagerContext) {
    this.#context = context
  }

  /** @param interfaces Names of all workload interfaces that have chains. */
  takeOps(interfaces: Iterable<string>): DataplaneOp[] {
    const chains = workloadDispatch([...interfaces], this.#context)
    const now = new Map(chains.map((chain) => [chain.name, JSON.stringify(chain.rules)]))
    const changed = chains.filter(({ name }) => this.#sent.get(name) !== now.get(name))
    const gone = [...this.#sent.keys()].filter((name) => !now.has(name))
    this.#sent = now
    const table = 'filter'
    return this.#context.versions.flatMap((ipVersion): DataplaneOp[] => [
      ...changed.map((chain) => ({ kind: 'chain.set', ipVersion, table, chain }) as const),
      ...gone.map((name) => ({ kind: 'chain.remove', ipVersion, table, name }) as const),
    ])
  }
}

/** Both trees. A workload interface without an endpoint is cut off. */
export function workloadDispatch(
  interfaces: readonly string[],
  { settings }: Pick<ManagerContext, 'settings'>,
): Chain[] {
  const otherwise = [rule([], settings.deny, 'Unknown interface')]
  const targets = (chainOf: (name: string) => string): Map<string, string> =>
    new Map(interfaces.map((name) => [name, chainOf(name)]))
  return [
    ...dispatchChains({
      root: CHAIN.fromWorkloadDispatch,
      direction: 'from',
      targets: targets(fromWorkloadChainName),
      otherwise,
    }),
    ...dispatchChains({
      root: CHAIN.toWorkloadDispatch,
      direction: 'to',
      targets: targets(toWorkloadChainName),
      otherwise,
    }),
  ]
}
