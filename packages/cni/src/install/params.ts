import { hostname } from 'node:os'
import { CalicoError, findLogLevel } from '@calico-node/core'
import { z } from 'zod'

const flag = z.stringbool({ truthy: ['true', '1', 'yes', 'y'], falsy: ['false', '0', 'no', 'n'] })
const text = z.string().default('')
/** The name of a file, which cannot lead out of its folder. */
const fileName = z.string().regex(/^(?!\.\.?$)[^/]+$/, 'want the name of a file, without folders')
const path = z.string().regex(/^\//, 'want an absolute path')

/** The variables of the environment that the installer knows. Empty ones count as unset. */
export const InstallParams = z.object({
  CNI_NETWORK_CONFIG: text.describe('Template of the configuration. Neither this nor the next: programs only.'),
  CNI_NETWORK_CONFIG_FILE: path.optional().describe('File with the template; goes before CNI_NETWORK_CONFIG.'),
  CNI_CONF_NAME: fileName.default('10-calico.conflist').describe('Name of the configuration file.'),
  CNI_OLD_CONF_NAME: fileName.optional().describe('Configuration file to remove once the new one stands.'),
  CNI_NET_DIR: path.default('/etc/cni/net.d').describe('The configuration folder as the host sees it.'),
  CALICO_CNI_NET_MOUNT: path.default('/host/etc/cni/net.d').describe('The same folder as the installer sees it.'),
  CALICO_CNI_BIN_MOUNT: path.default('/host/opt/cni/bin').describe('Where the programs go.'),
  UPDATE_CNI_BINARIES: flag.default(true).describe('Replace programs that are there already.'),
  SKIP_CNI_BINARIES: text.describe('Programs to leave out, with commas between them: calico-ipam.'),
  SLEEP: flag.default(true).describe('Stay, and keep what was written fresh; false: install once and end.'),
  CALICO_CNI_REFRESH_SECONDS: z.coerce.number().min(0.1).default(5).describe('Pause between two looks.'),
  CALICO_CNI_SECRETS_DIR: path
    .default('/calico-secrets')
    .describe('Where etcd-key, etcd-cert and etcd-ca are unless the next three say otherwise.'),
  ETCD_KEY_FILE: path.optional().describe('Copied to calico-tls/etcd-key beside the configuration.'),
  ETCD_CERT_FILE: path.optional().describe('Copied to calico-tls/etcd-cert.'),
  ETCD_CA_CERT_FILE: path.optional().describe('Copied to calico-tls/etcd-ca.'),
  ETCD_ENDPOINTS: text.describe('For __ETCD_ENDPOINTS__.'),
  ETCD_DISCOVERY_SRV: text.describe('For __ETCD_DISCOVERY_SRV__.'),
  KUBECONFIG_FILE_NAME: fileName.default('calico-kubeconfig').describe('Written where a service account is mounted.'),
  CALICO_CNI_SERVICEACCOUNT_DIR: path
    .default('/var/run/secrets/kubernetes.io/serviceaccount')
    .describe('Where token and ca.crt of the service account are.'),
  KUBERNETES_SERVICE_PROTOCOL: z.enum(['http', 'https']).default('https').describe('How to reach the API server.'),
  KUBERNETES_SERVICE_HOST: text,
  KUBERNETES_SERVICE_PORT: z.coerce.number().int().min(1).max(65_535).default(443),
  SKIP_TLS_VERIFY: flag.default(false).describe("Do not check the API server's certificate."),
  KUBERNETES_NODE_NAME: z
    .string()
    .default(() => hostname().toLowerCase())
    .describe('For __KUBERNETES_NODE_NAME__ and __NODENAME__. Default: NODENAME, else the name of the system.'),
  CNI_MTU: z.coerce.number().int().min(0).default(0).describe('For __CNI_MTU__, in bytes; 0: found out.'),
  LOG_LEVEL: z.string().default('info').describe("For __LOG_LEVEL__, and the installer's own."),
})

export type InstallConfig = Readonly<z.output<typeof InstallParams>>

/** @throws INVALID naming every bad variable */
export function resolveInstallConfig(env: Readonly<Record<string, string | undefined>>): InstallConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const result = InstallParams.safeParse({ KUBERNETES_NODE_NAME: given['NODENAME'], ...given })
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  throw new CalicoError('INVALID', `Cannot install with this environment: ${problems}`)
}

/** Of the installer's own log. */
export const logLevelOf = ({ LOG_LEVEL }: InstallConfig): ReturnType<typeof findLogLevel> => findLogLevel(LOG_LEVEL)
