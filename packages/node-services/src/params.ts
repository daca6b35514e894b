import { existsSync, readFileSync } from 'node:fs'
import { CalicoError, findLogLevel, type LogLevel, messageOf } from '@calico-node/core'
import { type NodeName, parseDuration, parseNodeName } from '@calico-node/model'
import { parseAddressSetting, parseDetectionMethod } from '@calico-node/node-address'
import { z } from 'zod'

const level = z.string().transform((text, ctx): LogLevel | 'none' | undefined => {
  const found = findLogLevel(text)
  if (found === undefined) ctx.addIssue('want Trace, Debug, Info, Warning, Error, Fatal or none')
  return found
})

/** @param parse throws for what it does not accept; the message becomes the problem of the variable */
const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, ctx): T => {
    try {
      return parse(text.trim())
    } catch (err) {
      ctx.addIssue(messageOf(err))
      return z.NEVER
    }
  })
const flag = z.stringbool({ truthy: ['true', '1', 'yes', 'y', 't'], falsy: ['false', '0', 'no', 'n', 'f'] })
const addressOf = (version: 4 | 6) => parsed((word) => parseAddressSetting(word, version)).optional()
const methodOf = (version: 4 | 6) => parsed((word) => parseDetectionMethod(word, version)).optional()

const port = z.coerce.number().int().min(1).max(65_535)

/** One row a variable. Empty variables count as unset. */
export const NodeServicesParams = z.object({
  NODENAME: z.string().trim().optional().describe('Name of this node. Unset: what the node-name file says.'),
  CALICO_NODENAME_FILE: z.string().default('/var/lib/calico/nodename').describe('Written by start-up.'),
  CALICO_HEALTH_PORT: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('Port where the health of the whole node is served: /liveness, /readiness. Unset: none.'),
  CALICO_HEALTH_HOST: z.string().default('localhost').describe('Address of CALICO_HEALTH_PORT.'),
  CALICO_BIRD_RUN_DIR: z.string().default('/var/run/calico').describe('Control sockets of BIRD, and bgp-status.sock.'),
  CALICO_BGP_METRICS_PORT: port
    .optional()
    .describe('Port where BGP sessions are served for Prometheus: /metrics, and /status as JSON. Unset: none.'),
  CALICO_BGP_METRICS_HOST: z.string().default('localhost').describe('Address of CALICO_BGP_METRICS_PORT.'),
  CALICO_NETWORKING_BACKEND: z
    .string()
    .toLowerCase()
    .optional()
    .describe('none: policy only; addresses are left alone.'),
  CALICO_NETWORKING: flag.optional().describe('Older switch: false means backend none.'),
  IP: addressOf(4).describe('As for start-up; so are the next ones.'),
  IP6: addressOf(6),
  IP_AUTODETECTION_METHOD: methodOf(4),
  IP6_AUTODETECTION_METHOD: methodOf(6),
  DISABLE_NODE_IP_CHECK: flag.default(false),
  AUTODETECT_POLL_INTERVAL: parsed(parseDuration)
    .default(60_000)
    .describe('Pause between looks at the addresses; 0: never.'),
  CALICO_NODE_SERVICES_LOGLEVEL: level.optional().describe('Log level of node-services.'),
})
export type NodeServicesConfig = Readonly<z.output<typeof NodeServicesParams>>

/** @throws INVALID, naming every bad variable */
export function resolveConfig(env: Readonly<Record<string, string | undefined>>): NodeServicesConfig {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const result = NodeServicesParams.safeParse(given)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  throw new CalicoError('INVALID', `Cannot start with this environment: ${problems}`)
}

/** @throws INVALID when nothing says which node this is, or the name is none */
export function ownNodeName({ NODENAME, CALICO_NODENAME_FILE: file }: NodeServicesConfig): NodeName {
  const name = NODENAME ?? (existsSync(file) ? readFileSync(file, 'utf8').trim() : '')
  if (name !== '') return parseNodeName(name)
  throw new CalicoError('INVALID', `Cannot tell which node this is: NODENAME is not set and ${file} says nothing`)
}
