/** Taking secrets out of texts that are given away: those that this host knows by value, and what looks like one. */
import { globSync, readFileSync, statSync } from 'node:fs'
import { DEFAULT_CONFIG_FILE, parseConnection } from '@calico-node/datastore'
import { run } from '@calico-node/linux'
import { CONTAINER_NAME } from './node-container.ts'

const HIDDEN = 'REDACTED'
const TELLING = 'passw|secret|token|credential|private.?key|preshared|psk'
/** What follows a telling name, in the notations of shells, JSON, YAML, logs and BIRD. */
const NAMED = new RegExp(
  String.raw`((?:${TELLING})[\w.-]*\\?["']?\s*[:=]\s*|\bpassword\s+)(\\"[^"\\\n]*\\"|"[^"\n]*"|'[^'\n]*'|[^\s,;}\]"']+)`,
  'gi',
)
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g
const IN_URL = /(:\/\/[^\s/:@]+:)[^\s/@]+(?=@)/g
/** Shorter ones would blank out half of every text. */
const MIN_LENGTH = 4

/** Pure. @param known Secrets by value */
export function hideSecrets(text: string, known: readonly string[]): string {
  const forms = known
    .filter((secret) => secret.length >= MIN_LENGTH)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .toSorted((a, b) => b.length - a.length)
  return forms
    .reduce((rest, form) => rest.replaceAll(form, HIDDEN), text)
    .replace(PRIVATE_KEY, HIDDEN)
    .replace(NAMED, `$1${HIDDEN}`)
    .replace(IN_URL, `$1${HIDDEN}`)
}

/** Pure: values of variables whose names tell that they are secret. @param variables `NAME=VALUE` */
export function secretVariables(variables: readonly string[]): string[] {
  const telling = new RegExp(TELLING, 'i')
  return variables.flatMap((variable) => {
    const at = variable.indexOf('=')
    return at > 0 && telling.test(variable.slice(0, at)) ? [variable.slice(at + 1)] : []
  })
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * Every secret that this host knows: of etcd, of BGP, and of the node's container. What cannot be read is none of ours.
 *
 * @param configFile Where connection settings are; undefined: the usual place
 */
export async function knownSecrets(env: Env, configFile: string | undefined): Promise<string[]> {
  const own = Object.entries(env).map(([name, value]) => `${name}=${value ?? ''}`)
  const folder = env['CALICO_SECRETS_DIR'] ?? '/etc/calico/secrets'
  const files = globSync(`${folder}/**`).filter((path) => statSync(path).isFile())
  return [
    ...secretVariables([...own, ...(await containerVariables())]),
    ...etcdPassword(env, configFile ?? DEFAULT_CONFIG_FILE),
    ...files.map((path) => readFileSync(path, 'utf8').trim()),
  ].filter((secret) => secret !== '')
}

function etcdPassword(env: Env, configFile: string): string[] {
  try {
    const { password } = parseConnection({ env, configFile })
    return password === undefined ? [] : [password]
  } catch {
    return [] // settings that cannot be used hold no password that is in use
  }
}

async function containerVariables(): Promise<string[]> {
  const format = '{{range .Config.Env}}{{json .}}{{"\\n"}}{{end}}'
  const text = await run('docker', ['inspect', '--format', format, CONTAINER_NAME]).catch(() => '')
  return text.split('\n').flatMap((line) => (line.startsWith('"') ? [String(JSON.parse(line))] : []))
}
