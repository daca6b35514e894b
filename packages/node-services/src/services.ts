/**
 * The services of this process and how they run: side by side, each until the process is told to stop. A service mends what
 * it can by itself; one that gives up takes the process down, and the supervisor starts all of them again.
 */
import { CalicoError, type Logger, messageOf } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import type { NodeName } from '@calico-node/model'
import type { NodeServicesConfig } from './params.ts'

export interface ServiceContext {
  readonly client: CalicoClient
  readonly node: NodeName
  readonly config: NodeServicesConfig
  readonly log: Logger
  readonly signal: AbortSignal
}

export interface NodeService {
  readonly name: string
  /** For people: what it keeps as it should be. */
  readonly summary: string
  /** Works until `signal` aborts. Ending before is a failure. */
  run(context: ServiceContext): Promise<void>
}

/**
 * Runs services until `signal` aborts.
 *
 * @throws Error naming the first service that ended although nobody told it to; the others have been stopped
 */
export async function runServices(services: readonly NodeService[], context: ServiceContext): Promise<void> {
  const stop = new AbortController()
  const signal = AbortSignal.any([context.signal, stop.signal])
  const runs = services.map(async (service) => {
    const log = context.log.child({ component: service.name })
    try {
      await service.run({ ...context, log, signal })
    } catch (cause) {
      if (!signal.aborted) throw failed(service, messageOf(cause), cause)
    }
    if (!signal.aborted) throw failed(service, 'it ended')
  })
  try {
    await Promise.all(runs)
  } finally {
    stop.abort()
    await Promise.allSettled(runs)
  }
}

const failed = ({ name }: NodeService, reason: string, cause?: unknown): Error =>
  new Error(`Service ${name} failed: ${reason}`, { cause })

/** The services of these names; all when there are none. @throws NOT_FOUND */
export function chooseServices(all: readonly NodeService[], names: readonly string[]): readonly NodeService[] {
  const unknown = names.filter((name) => !all.some((service) => service.name === name))
  if (unknown.length > 0) {
    const known = all.map(({ name }) => name).join(', ')
    throw new CalicoError('NOT_FOUND', `Cannot run ${unknown.join(', ')}: the services are ${known}`)
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
}
