import { readdirSync } from 'node:fs'
import { CalicoError } from '@calico-node/core'

/** Where the parts of this node can be asked. */
export interface Surroundings {
  /** Undefined: Felix was told to serve no health. */
  readonly felixUrl: string | undefined
  /** Folder of the supervised services. */
  readonly servicesDir: string
  readonly birdRunDir: string
  /** Its time of change is when this node was set up. */
  readonly nodenameFile: string
  /** See {@link BirdState}. */
  readonly thresholdMs: number
}

type Env = Readonly<Record<string, string | undefined>>

const DEFAULT_THRESHOLD_MS = 30_000
const FALSE = new Set(['false', '0', 'no', 'n', 'f'])

/** @throws INVALID for a port that is none */
export function surroundingsOf(env: Env, thresholdMs = DEFAULT_THRESHOLD_MS): Surroundings {
  const port = env['FELIX_HEALTHPORT'] || '9099'
  if (!/^\d{1,5}$/.test(port)) throw new CalicoError('INVALID', `Cannot use FELIX_HEALTHPORT "${port}": it is no port`)
  const host = env['FELIX_HEALTHHOST'] || 'localhost'
  const off = FALSE.has((env['FELIX_HEALTHENABLED'] ?? '').toLowerCase())
  return {
    felixUrl: off ? undefined : `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    servicesDir: env['SVDIR'] || '/run/calico-node/services',
    birdRunDir: env['CALICO_BIRD_RUN_DIR'] || '/var/run/calico',
    nodenameFile: env['CALICO_NODENAME_FILE'] || '/var/lib/calico/nodename',
    thresholdMs,
  }
}

/** Names of the services that this node runs. @throws NOT_FOUND while start-up has not finished */
export function listServices({ servicesDir }: Surroundings): string[] {
  try {
    return readdirSync(servicesDir).filter((name) => !name.startsWith('.'))
  } catch (cause) {
    throw new CalicoError('NOT_FOUND', 'Start-up has not finished: there are no services yet', { cause })
  }
}
