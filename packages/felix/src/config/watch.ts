/** What a change of the configuration means for a Felix that runs. */
import { messageOf } from '@calico-node/core'
import type { ConfigLayer } from './layers.ts'
import { type FelixConfig, type Param, PARAMS } from './params.ts'
import { type ConfigProblem, resolveFelixConfig } from './resolve.ts'

/** Exit status that asks the supervisor for a new start with the new configuration. */
export const RESTART_EXIT_STATUS = 129

export type ConfigChange =
  | { readonly kind: 'none' }
  /** Only parameters that are applied while running. */
  | { readonly kind: 'live'; readonly config: FelixConfig; readonly changed: readonly string[] }
  | { readonly kind: 'restart'; readonly changed: readonly string[] }
  /** Felix would not start with it, so it goes on with what it has. */
  | { readonly kind: 'refused'; readonly reason: string }

/** The layers that come from the datastore, highest first. */
export const STORED_LAYERS = ['node', 'global', 'cluster'] as const
export type StoredLayer = (typeof STORED_LAYERS)[number]

export class ConfigWatcher {
  readonly #local: readonly ConfigLayer[]
  readonly #stored = new Map<StoredLayer, ConfigLayer>()
  #config: FelixConfig
  #warnings: readonly ConfigProblem[] = []

  /**
   * @param local Environment and file; they cannot change while Felix runs.
   * @param running What Felix was started with.
   */
  constructor(local: readonly ConfigLayer[], running: FelixConfig) {
    this.#local = local
    this.#config = running
  }

  set(place: StoredLayer, layer: ConfigLayer | undefined): void {
    if (layer === undefined) this.#stored.delete(place)
    else this.#stored.set(place, layer)
  }

  /** Bad values in place of which the defaults are in force, as of the last check. */
  get warnings(): readonly ConfigProblem[] {
    return this.#warnings
  }

  /** Compares what the layers say now with what is in force; afterwards a live change counts as in force. */
  check(): ConfigChange {
    this.#warnings = []
    const stored = STORED_LAYERS.flatMap((place) => this.#stored.get(place) ?? [])
    try {
      const { config, warnings } = resolveFelixConfig([...this.#local, ...stored])
      this.#warnings = warnings
      const change = compareConfigs(this.#config, config)
      if (change.kind === 'live') this.#config = config
      return change
    } catch (err) {
      return { kind: 'refused', reason: messageOf(err) }
    }
  }
}

/** Parameters without effect may change without one. */
export function compareConfigs(before: FelixConfig, after: FelixConfig): ConfigChange {
  const values = new Map<string, unknown>(Object.entries(before))
  const table: [string, Param<unknown>][] = Object.entries(PARAMS)
  const next = new Map<string, unknown>(Object.entries(after))
  const changed = table.filter(
    ([key, param]) => param.not === undefined && print(param, values.get(key)) !== print(param, next.get(key)),
  )
  const needRestart = changed.filter(([, param]) => !param.live).map(([key]) => key)
  if (needRestart.length > 0) return { kind: 'restart', changed: needRestart }
  return changed.length === 0 ? { kind: 'none' } : { kind: 'live', config: after, changed: changed.map(([key]) => key) }
}

const print = ({ type }: Param<unknown>, value: unknown): string => type.print(value)
