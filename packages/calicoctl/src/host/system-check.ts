/** Whether a kernel has what Calico needs. Pure but for {@link readKernel}. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

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
  /** Configuration names of which one must be `y` or `m`. */
  readonly config: readonly string[]
  readonly optional: boolean
}

const need = (module: string, ...config: string[]): Requirement => ({ module, config, optional: false })
const maybe = (module: string, ...config: string[]): Requirement => ({ module, config, optional: true })

export const REQUIREMENTS: readonly Requirement[] = [
  need('ip_set', 'CONFIG_IP_SET'),
  need('ip_tables', 'CONFIG_IP_NF_IPTABLES', 'CONFIG_NF_TABLES'),
  need('ipt_REJECT', 'CONFIG_IP_NF_TARGET_REJECT'),
  need('nf_conntrack_netlink', 'CONFIG_NF_CT_NETLINK'),
  need('xt_addrtype', 'CONFIG_NETFILTER_XT_MATCH_ADDRTYPE'),
  need('xt_conntrack', 'CONFIG_NETFILTER_XT_MATCH_CONNTRACK'),
  need('xt_mark', 'CONFIG_NETFILTER_XT_MARK'),
  need('xt_multiport', 'CONFIG_NETFILTER_XT_MATCH_MULTIPORT'),
  need('xt_rpfilter', 'CONFIG_IP_NF_MATCH_RPFILTER'),
  need('xt_set', 'CONFIG_NETFILTER_XT_SET'),
  maybe('ip6_tables', 'CONFIG_IP6_NF_IPTABLES'),
  maybe('xt_bpf', 'CONFIG_NETFILTER_XT_MATCH_BPF'),
  maybe('xt_u32', 'CONFIG_NETFILTER_XT_MATCH_U32'),
  maybe('ipt_ipvs', 'CONFIG_NETFILTER_XT_MATCH_IPVS'),
  maybe('vfio_pci', 'CONFIG_VFIO_PCI'),
  maybe('ipip', 'CONFIG_NET_IPIP'),
  maybe('vxlan', 'CONFIG_VXLAN'),
]

export interface CheckResult {
  readonly name: string
  readonly result: 'OK' | 'FAIL' | 'SKIP'
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
    { name: 'Kernel version', result: isNewEnough(release) ? 'OK' : 'FAIL' },
    ...REQUIREMENTS.map(
      (requirement): CheckResult => ({
        name: requirement.module,
        result: present(requirement) ? 'OK' : requirement.optional ? 'SKIP' : 'FAIL',
      }),
    ),
  ]
}

const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [])
const moduleName = (path: string): string => (path.split('/').at(-1) ?? '').replace(/\.ko.*$/, '').replaceAll('-', '_')

function configText(paths: readonly string[]): string {
  const path = paths.find((candidate) => existsSync(candidate))
  if (path === undefined) return ''
  return path.endsWith('.gz') ? gunzipSync(readFileSync(path)).toString('utf8') : readFileSync(path, 'utf8')
}

/** @param configFile Configuration of the kernel, when it is not at one of the usual places. */
export function readKernel(configFile?: string): Kernel {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()
  const known = ['modules.dep', 'modules.builtin']
    .flatMap((file) => linesOf(`/lib/modules/${release}/${file}`))
    .map((text) => moduleName(text.split(':', 1)[0] ?? ''))
  const loaded = existsSync('/sys/module') ? readdirSync('/sys/module') : []
  const text = configText(
    configFile === undefined
      ? ['/proc/config.gz', `/boot/config-${release}`, `/lib/modules/${release}/config`]
      : [configFile],
  )
  const config = new Map(
    text.split('\n').flatMap((row) => {
      const match = /^(CONFIG_\w+)=(.*)$/.exec(row)
      return match?.[1] === undefined ? [] : [[match[1], match[2] ?? '']]
    }),
  )
  return { release, modules: new Set([...known, ...loaded]), config }
}
