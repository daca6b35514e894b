/** Start of day: waits until the store may be used and the parameters make sense. */
import { CalicoError, hasCode, type Logger, messageOf, sleep } from '@calico-node/core'
import type { KvStore } from '@calico-node/datastore'
import type { NodeName } from '@calico-node/model'
import type { ConfigLayer } from '../config/layers.ts'
import type { FelixConfig } from '../config/params.ts'
import type { Problems } from '../status/problems.ts'
import { resolveFelixConfig } from '../config/resolve.ts'
import { CLUSTER_KEY, configSources, isDatastoreReady } from './stored-config.ts'

const POLL_MS = 1000
const OBSTACLE = 'start'

export interface BootstrapOptions {
  readonly store: KvStore
  readonly node: NodeName
  /** Environment and file, highest precedence first. */
  readonly localLayers: readonly ConfigLayer[]
  readonly problems: Problems
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * Asks the store every second until it answers, ClusterInformation says that it is ready, and no fatal parameter is
 * wrong. What stands in the way is logged once.
 *
 * @returns The parameters to run with; undefined when `signal` aborted first.
 */
export async function loadFelixConfig(options: BootstrapOptions): Promise<FelixConfig | undefined> {
  const { problems, log, signal } = options
  let obstacle = ''
  while (!signal.aborted) {
    try {
      const config = await tryLoad(options)
      problems.clear(OBSTACLE)
      return config
    } catch (err) {
      if (!hasCode(err, 'INVALID', 'UNSUPPORTED', 'STORE_UNAVAILABLE', 'FORBIDDEN', 'TIMED_OUT')) throw err
      if (messageOf(err) !== obstacle) log.warn('Waiting to start', { err })
      obstacle = messageOf(err)
      problems.record(OBSTACLE, `Felix waits to start: ${obstacle}`)
    }
    await sleep(POLL_MS, signal)
  }
  return undefined
}

async function tryLoad({ store, node, localLayers, log, signal }: BootstrapOptions): Promise<FelixConfig> {
  const cluster = await store.get(CLUSTER_KEY, { signal })
  if (!isDatastoreReady(cluster?.value)) {
    throw new CalicoError(
      'STORE_UNAVAILABLE',
      'Cannot use the datastore: ClusterInformation "default" does not say datastoreReady',
    )
  }
  const stored: ConfigLayer[] = []
  for (const { key, read } of configSources(node)) {
    const kv = await store.get(key, { signal })
    if (kv === undefined) continue
    try {
      stored.push(read(kv.value))
    } catch (err) {
      log.warn('Configuration in the datastore is invalid and counts as missing', { key, err })
    }
  }
  const { config, warnings, idle, unknown } = resolveFelixConfig([...localLayers, ...stored])
  for (const { parameter, source, value, reason } of warnings) {
    log.warn('Parameter is invalid, its default is used', { parameter, source, value, reason })
  }
  for (const { parameter, source, why } of idle) log.warn('Parameter has no effect here', { parameter, source, why })
  for (const { name, source } of unknown) log.info('Parameter is unknown', { name, source })
  return config
}
