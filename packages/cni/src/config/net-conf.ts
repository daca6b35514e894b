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
  require_mtu_file: flag.default(false).describe('Refuse ADD while nobody has said what the MTU is.'),
  num_queues: z.number().int().min(0).max(4096).default(1).describe('Queues of both ends; 0 counts as 1.'),
  device_type: z.enum(['', 'veth'], 'only veth is supported').default('veth'),
  readiness_gates: z.array(z.url()).default([]).describe('ADD waits until each of these answers with success.'),
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
  log_file_max_age: z.number().positive().default(30).describe('Days; older files that were set aside are removed.'),
  log_file_max_count: z.number().int().min(0).default(10).describe('Files set aside; more are removed.'),
  policy: z
    .object({
      type: text,
      k8s_api_root: text,
      k8s_auth_token: text,
      k8s_client_certificate: text,
      k8s_client_key: text,
      k8s_certificate_authority: text,
    })
    .prefault({}),
  kubernetes: z.object({ k8s_api_root: text, kubeconfig: text, node_name: text }).prefault({}),
  feature_control: z.object({ ip_addrs_no_ipam: flag.default(false), floating_ips: flag.default(false) }).prefault({}),
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
