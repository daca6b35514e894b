/** The fields of a network configuration that mean something here; unknown ones are somebody else's and are ignored. */
import { z } from 'zod'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import type { JsonObject } from '../protocol/request.ts'

const text = z.string().default('')
const flag = z.union([z.boolean(), z.stringbool()])
const label = z.object({ key: z.string(), value: z.string().default('') })

/** Labels as Mesos sends them, and as the conventions for dynamic arguments have them. */
const args = z.object({
  labels: z.array(label).default([]),
  cni: z.object({ ips: z.array(z.string()).default([]), labels: z.array(label).default([]) }).prefault({}),
  'org.apache.mesos': z
    .object({
      network_info: z.object({ labels: z.object({ labels: z.array(label).default([]) }).prefault({}) }).prefault({}),
    })
    .prefault({}),
})

const ipam = z.object({
  type: text.describe('Plugin that gives the addresses: calico-ipam, host-local, dhcp, ...'),
  assign_ipv4: flag.default(true),
  assign_ipv6: flag.default(false),
  ipv4_pools: z.array(z.string()).default([]).describe('CIDRs or names of pools to draw from.'),
  ipv6_pools: z.array(z.string()).default([]),
  args: z.object({ ip: text }).prefault({}),
})

export const NetConfFields = z.object({
  ipam: ipam.prefault({}),
  mtu: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Of both ends, in bytes; 0: what /var/lib/calico/mtu says, if anything.'),
  nodename: text,
  nodename_file: z.string().default('/var/lib/calico/nodename'),
  nodename_file_optional: flag.default(false),
  hostname: text,
  datastore_type: text,
  etcd_endpoints: text,
  etcd_discovery_srv: text,
  etcd_authority: text,
  etcd_scheme: text,
  etcd_key_file: text,
  etcd_cert_file: text,
  etcd_ca_cert_file: text,
  log_level: z.string().default('info'),
  log_file_path: text,
  log_file_max_size: z.number().positive().default(100).describe('Megabytes; a larger file is set aside.'),
  policy: z.object({ type: text }).prefault({}),
  container_settings: z.object({ allow_ip_forwarding: flag.default(false) }).prefault({}),
  policy_setup_timeout_seconds: z.number().min(0).default(0).describe('How long ADD waits for Felix; 0: not at all.'),
  endpoint_status_dir: z.string().default('/var/run/calico/endpoint-status'),
  args: args.prefault({}),
  runtimeConfig: z.object({ mac: text, ips: z.array(z.string()).default([]) }).prefault({}),
})

export type NetConf = Readonly<z.output<typeof NetConfFields>>

/** @throws CniError naming every field that is wrong */
export function parseNetConf(config: JsonObject): NetConf {
  const parsed = NetConfFields.safeParse(withoutNulls(config))
  if (parsed.success) return parsed.data
  const details = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  throw new CniError(CNI_CODE.invalidConfig, `invalid network configuration: ${details}`, { cause: parsed.error })
}

/** Go programs print absent fields as null. */
const withoutNulls = (config: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null))
