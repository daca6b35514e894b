import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { z } from 'zod'
import { CalicoError } from '@calico-node/core'
import { parseNodeName, type NodeName } from '@calico-node/model'

/** Milliseconds. */
const seconds = (initial: string): z.ZodType<number, string | undefined> =>
  z
    .string()
    .regex(/^\d+s$/, 'want whole seconds such as 5s')
    .default(initial)
    .transform((text) => Number(text.slice(0, -1)) * 1000)

const flag = z.stringbool({ truthy: ['true', '1', 'yes'], falsy: ['false', '0', 'no', ''] })

/** The variables of the environment that the plugin knows. */
export const LibnetworkParams = z.object({
  CALICO_LIBNETWORK_SCOPE: z
    .enum(['local', 'global'])
    .default('local')
    .describe("Whether networks are one host's, or those of all hosts whose Docker has a cluster store."),
  CALICO_LIBNETWORK_CREATE_PROFILES: flag.prefault('true').describe('Make a profile for each network.'),
  CALICO_LIBNETWORK_LABEL_ENDPOINTS: flag
    .prefault('false')
    .describe('Give endpoints the labels that containers have with the prefix org.projectcalico.label.'),
  CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT: seconds('5s').describe('How long to look for the container of an endpoint.'),
  CALICO_LIBNETWORK_IFPREFIX: z
    .string()
    .regex(/^[a-zA-Z0-9]{1,12}$/, 'want 1 to 12 letters and digits')
    .default('cali')
    .describe('What interfaces in containers are called, before their number.'),
  CALICO_LIBNETWORK_LEFTOVER_DELAY: seconds('30s').describe(
    'How long an endpoint or address must be without an owner before it is removed; Docker may still ask for it.',
  ),
  CALICO_LIBNETWORK_VETH_MTU: z.coerce
    .number()
    .int()
    .min(0)
    .prefault(0)
    .describe("In bytes; 0: what Felix wrote into CALICO_MTU_FILE, else the system's."),
  CALICO_MTU_FILE: z.string().default('/var/lib/calico/mtu').describe('Written by Felix.'),
  CALICO_LIBNETWORK_PLUGIN_DIR: z.string().default('/run/docker/plugins').describe('Where Docker looks for sockets.'),
  CALICO_LIBNETWORK_DOCKER_SOCKET: z.string().default('/var/run/docker.sock').describe('The API of Docker.'),
})

export type LibnetworkConfig = Readonly<z.output<typeof LibnetworkParams>>

/** @throws INVALID naming every bad variable */
export function resolveConfig(env: Readonly<Record<string, string | undefined>>): LibnetworkConfig {
  const result = LibnetworkParams.safeParse(env)
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  throw new CalicoError('INVALID', `Cannot start with this configuration: ${problems}`)
}

/** NODENAME, else what calico/node wrote on this host, else HOSTNAME or the system's own name. */
export function ownNodeName(env: Readonly<Record<string, string | undefined>>): NodeName {
  const file = env['CALICO_NODENAME_FILE'] ?? '/var/lib/calico/nodename'
  return parseNodeName(env['NODENAME'] || readIfPresent(file) || (env['HOSTNAME'] || hostname()).toLowerCase())
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return ''
  }
}

/** How large the packets of a new interface may be; 0: whatever the system says. */
export function vethMtuBytes(config: LibnetworkConfig): number {
  const written = Number(readIfPresent(config.CALICO_MTU_FILE))
  return config.CALICO_LIBNETWORK_VETH_MTU || (Number.isInteger(written) ? written : 0)
}
