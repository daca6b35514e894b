/** Whether a kernel has what Calico needs. Pure but for {@link readKernel}. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { CalicoError, messageOf } from '@calico-node/core'

/** What is known about the running kernel. */
export interface Kernel {
  /** `6.1.0-28-amd64`. */
  readonly release: string
  /** Names of modules that are loaded, built in, or can be loaded. Underscores. */
  readonly modules: ReadonlySet<string>
  /** Lines of its configuration such as `CONFIG_IP_SET=m`, by name; empty when it cannot be read. */
  readonly config: ReadonlyMap<string, string>
}

export interface Requirement {
  readonly module: string
  /** What it is for, to an operator. */
  readonly purpose: string
  /** Configuration names of which one must be `y` or `m`. */
  readonly config: readonly string[]
  readonly optional: boolean
}

const need = (module: string, purpose: string, ...config: string[]): Requirement => ({
  module,
  purpose,
  config,
  optional: false,
})
const maybe = (...row: Parameters<typeof need>): Requirement => ({ ...need(...row), optional: true })

export const REQUIREMENTS: readonly Requirement[] = [
  need('ip_set', 'selectors and networks in policies', 'CONFIG_IP_SET'),
  need('ip_tables', 'all policy', 'CONFIG_IP_NF_IPTABLES', 'CONFIG_NF_TABLES'),
  need('ipt_REJECT', 'failing at once where a policy or setting says so', 'CONFIG_IP_NF_TARGET_REJECT'),
  need('nf_conntrack_netlink', 'ending connections of workloads that are gone', 'CONFIG_NF_CT_NETLINK'),
  need('xt_addrtype', 'telling traffic to this host from traffic through it', 'CONFIG_NETFILTER_XT_MATCH_ADDRTYPE'),
  need('xt_conntrack', 'answers to what was allowed', 'CONFIG_NETFILTER_XT_MATCH_CONNTRACK'),
  need('xt_mark', 'verdicts from chain to chain', 'CONFIG_NETFILTER_XT_MARK'),
  need('xt_multiport', 'lists of ports in policies', 'CONFIG_NETFILTER_XT_MATCH_MULTIPORT'),
  need('xt_rpfilter', 'dropping forged source addresses', 'CONFIG_IP_NF_MATCH_RPFILTER'),
  need('xt_set', 'IP sets in rules', 'CONFIG_NETFILTER_XT_SET'),
  maybe('ip6_tables', 'policy for IPv6', 'CONFIG_IP6_NF_IPTABLES'),
  maybe('xt_bpf', 'rules of others', 'CONFIG_NETFILTER_XT_MATCH_BPF'),
  maybe('xt_u32', 'rules of others', 'CONFIG_NETFILTER_XT_MATCH_U32'),
  maybe('ipt_ipvs', 'services of kube-proxy in IPVS mode', 'CONFIG_NETFILTER_XT_MATCH_IPVS'),
  maybe('vfio_pci', 'network cards handed to virtual machines', 'CONFIG_VFIO_PCI'),
  maybe('ipip', 'pools with IPIP', 'CONFIG_NET_IPIP'),
  maybe('vxlan', 'pools with VXLAN', 'CONFIG_VXLAN'),
]

export interface CheckResult {
  readonly name: string
  readonly result: 'OK' | 'FAIL' | 'SKIP'
  readonly purpose: string
}

const OLDEST = [2, 6, 24] as const

/** Whether `release` is at least 2.6.24. */
export function isNewEnough(release: string): boolean {
  const parts = release.split(/[.-]/).map(Number)
  for (const [i, least] of OLDEST.entries()) {
    const part = parts[i] ?? 0
    if (part !== least) return part > least
  }
  return true
}

export function checkKernel({ release, modules, config }: Kernel): CheckResult[] {
  const present = ({ module, config: names }: Requirement): boolean =>
    modules.has(module) || names.some((name) => ['y', 'm'].includes(config.get(name) ?? ''))
  return [
    { name: 'Kernel version', result: isNewEnough(release) ? 'OK' : 'FAIL', purpose: `${release}, at least 2.6.24` },
    ...REQUIREMENTS.map(
      (requirement): CheckResult => ({
        name: requirement.module,
        purpose: requirement.purpose,
        result: present(requirement) ? 'OK' : requirement.optional ? 'SKIP' : 'FAIL',
      }),
    ),
  ]
}

const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [])
const moduleName = (path: string): string => (path.split('/').at(-1) ?? '').replace(/\.ko.*$/, '').replaceAll('-', '_')

const textOf = (path: string): string =>
  path.endsWith('.gz') ? gunzipSync(readFileSync(path)).toString('utf8') : readFileSync(path, 'utf8')

/** @throws INVALID when a file that somebody named cannot be read */
function configText(named: string | undefined, usual: readonly string[]): string {
  if (named === undefined) {
    const path = usual.find((candidate) => existsSync(candidate))
    return path === undefined ? '' : textOf(path)
  }
  try {
    return textOf(named)
  } catch (err) {
    const context = { path: named }
    throw new CalicoError('INVALID', `Cannot read the kernel configuration: ${messageOf(err)}`, { context, cause: err })
  }
}

/**
 * @param configFile Configuration of the kernel, when it is not at one of the usual places.
 * @throws INVALID when `configFile` cannot be read
 */
export function readKernel(configFile?: string): Kernel {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()
  const known = ['modules.dep', 'modules.builtin']
    .flatMap((file) => linesOf(`/lib/modules/${release}/${file}`))
    .map((text) => moduleName(text.split(':', 1)[0] ?? ''))
  const loaded = existsSync('/sys/module') ? readdirSync('/sys/module') : []
  const usual = ['/proc/config.gz', `/boot/config-${release}`, `/lib/modules/${release}/config`]
  const text = configText(configFile, usual)
  const config = new Map(
    text.split('\n').flatMap((row) => {
      const match = /^(CONFIG_\w+)=(.*)$/.exec(row)
      return match?.[1] === undefined ? [] : [[match[1], match[2] ?? '']]
    }),
  )
  return { release, modules: new Set([...known, ...loaded]), config }
}
