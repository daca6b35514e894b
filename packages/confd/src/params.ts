import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CalicoError, findLogLevel, type LogLevel } from '@calico-node/core'
import { findIpv4, findNet, type Cidr } from '@calico-node/model'
import { z } from 'zod'
import type { RouterIdChoice } from './model/facts.ts'

const routerId = z.string().transform((text, ctx): RouterIdChoice => {
  if (text === 'hash') return { kind: 'hash' }
  if (findIpv4(text) === undefined || text === '0.0.0.0') ctx.addIssue('want "hash" or an id such as 10.0.0.1')
  return { kind: 'literal', id: text }
})
const network = z.string().transform((text, ctx): Cidr | undefined => {
  const cidr = findNet(text)
  if (cidr === undefined) ctx.addIssue('want a network such as 10.96.0.0/12')
  return cidr
})
const level = z.string().transform((text, ctx): LogLevel | 'none' | undefined => {
  const found = findLogLevel(text)
  if (found === undefined) ctx.addIssue('want Trace, Debug, Info, Warning, Error, Fatal or none')
  return found
})
const seconds = (min: number, max: number) => z.coerce.number().int().min(min).max(max)

/** One row a variable; the reference documentation is generated from it. Empty variables count as unset. */
export const ConfdParams = z.object({
  NODENAME: z.string().trim().optional().describe('Name of this node. Unset: what the node-name file says.'),
  CALICO_NODENAME_FILE: z.string().default('/var/lib/calico/nodename').describe('Written by start-up.'),
  CALICO_NODE_ROLE: z.enum(['node', 'reflector']).default('node').describe('Told to others in confd.json.'),
  CALICO_ROUTER_ID: routerId
    .optional()
    .describe(
      '`hash` (of the node name) or a router id. Unset: the IPv4 address of the node, or the hash where it has none.',
    ),
  CALICO_BGP_GRACEFUL_RESTART_WAIT: seconds(1, 3600)
    .default(30)
    .describe('Seconds that a restarted BIRD waits for its peers before it updates the kernel.'),
  CALICO_ADVERTISE_CLUSTER_IPS: network
    .optional()
    .describe('Replaces the service cluster networks of BGPConfiguration.'),
  BGP_LOGSEVERITYSCREEN: level.optional().describe('Log level of confd, whatever BGPConfiguration says.'),
  CALICO_CONFD_CONFIG_DIR: z
    .string()
    .default('/etc/calico/confd/config')
    .describe('Where BIRD reads its configuration.'),
  CALICO_TEMPLATES: z.string().default(shippedTemplates).describe('The templates that come with confd.'),
  CALICO_CONFD_TEMPLATES: z
    .string()
    .default('/etc/calico/confd/templates')
    .describe('Templates of the operator: a file here replaces the shipped one of the same name. Re-read on change.'),
  CALICO_BIRD_RUN_DIR: z
    .string()
    .default('/var/run/calico')
    .describe('Where the control sockets of BIRD are, and confd.json, in which confd says how things stand.'),
  CALICO_SECRETS_DIR: z
    .string()
    .default('/etc/calico/secrets')
    .describe('Passwords that secretKeyRef names: one file <name>/<key> each. Re-read on change.'),
  CALICO_ENDPOINT_STATUS_PATH_PREFIX: z
    .string()
    .default('/var/run/calico')
    .describe('Where Felix keeps endpoint-status/, which names the workloads that are BGP peers of this node.'),
  CALICO_CONFD_AUDIT_INTERVAL: seconds(1, 86_400)
    .default(60)
    .describe('Seconds between comparisons of what BIRD runs with what it should run.'),
})
export type ConfdConfig = Readonly<Omit<z.output<typeof ConfdParams>, 'NODENAME'>> & { readonly NODENAME: string }

/** @throws INVALID, naming every bad variable, or the missing node name */
export function resolveConfig(env: Readonly<Record<string, string | undefined>>): ConfdConfig {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const result = ConfdParams.safeParse(given)
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
    throw new CalicoError('INVALID', `Cannot start with this environment: ${problems}`)
  }
  return { ...result.data, NODENAME: result.data.NODENAME ?? nodeNameIn(result.data.CALICO_NODENAME_FILE) }
}

function nodeNameIn(file: string): string {
  const name = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (name !== '') return name
  throw new CalicoError('INVALID', `Cannot tell which node this is: NODENAME is not set and ${file} says nothing`)
}

/** Beside the directory of the bundle, or at the root of the source tree. */
function shippedTemplates(): string {
  const here = dirname(process.argv[1] ?? '.')
  return (
    [join(here, '../templates'), join(here, '../../../templates')].find((path) => existsSync(path)) ??
    '/opt/calico/templates'
  )
}
