import { existsSync } from 'node:fs'
import { CalicoError } from '@calico-node/core'
import { readConfigFile } from './config-file.ts'
import type { EtcdConnection, EtcdTlsSources, PemSource } from './connection.ts'
import { parseEndpoints } from './endpoints.ts'
import { readNamedFile } from './named-file.ts'
import { SETTINGS, type Given, type GivenValue } from './setting-table.ts'

/** Where calicoctl looks when no file is named; it may be missing. */
export const DEFAULT_CONFIG_FILE = '/etc/calico/calicoctl.cfg'

export interface ConnectionSettings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Path of a CalicoAPIConfig. When it exists the environment is not looked at; only the default path may be missing. */
  readonly configFile?: string
  /** Honour Felix's own names, above the others. Default false. */
  readonly felix?: boolean
}

/**
 * How to reach etcd, from the file or from the environment, never from both. Each variable is looked up with the prefix
 * `CALICO_` first. User name and password may also be given by files (`ETCD_PASSWORD_FILE`). With no endpoint given anywhere it is http://127.0.0.1:2379.
 *
 * @throws INVALID naming the setting; UNSUPPORTED for the Kubernetes datastore
 */
export function parseConnection({ env, configFile, felix = false }: ConnectionSettings): EtcdConnection {
  if (configFile !== undefined && (existsSync(configFile) || configFile !== DEFAULT_CONFIG_FILE)) {
    return connectionOf(readConfigFile(configFile))
  }
  return connectionOf(fromEnvironment(env, felix))
}

function fromEnvironment(env: ConnectionSettings['env'], felix: boolean): Given {
  // Felix takes its names in any case.
  const own = new Map(Object.entries(env).map(([name, value]) => [name.toUpperCase(), value]))
  const given: Given = {}
  for (const row of SETTINGS) {
    const candidates: [name: string, value: string | undefined][] = []
    if (felix && 'felix' in row) candidates.push([row.felix, own.get(row.felix)])
    if ('env' in row) candidates.push([`CALICO_${row.env}`, env[`CALICO_${row.env}`]], [row.env, env[row.env]])
    for (const [name, value = ''] of candidates) {
      const path = 'alsoByFile' in row ? (env[`${name}_FILE`] ?? '') : ''
      if (path !== '' && value !== '') throw invalid(`${name} and ${name}_FILE`, 'give one of them')
      if (path !== '') given[row.field] ??= { value: secretIn(path, `${name}_FILE`), name: `${name}_FILE` }
      if (value !== '') given[row.field] ??= { value, name }
    }
  }
  return given
}

/** Editors end a file with a newline that is no part of the secret. */
const secretIn = (path: string, setting: string): string =>
  readNamedFile(path, setting)
    .toString()
    .replace(/\r?\n$/, '')

function connectionOf(given: Given): EtcdConnection {
  const { datastoreType, etcdEndpoints, etcdDiscoverySrv, authority, scheme } = given
  if (datastoreType !== undefined && datastoreType.value !== 'etcdv3') {
    const message = `Cannot use datastore "${datastoreType.value}" (${datastoreType.name}): only etcdv3 is supported`
    throw new CalicoError('UNSUPPORTED', message)
  }
  if (etcdEndpoints !== undefined && etcdDiscoverySrv !== undefined) {
    throw invalid(`${etcdEndpoints.name} and ${etcdDiscoverySrv.name}`, 'give one of them')
  }
  const tls = tlsOf(given)
  const local = `${scheme === undefined ? '' : `${scheme.value}://`}${authority?.value ?? '127.0.0.1:2379'}`
  const endpoints =
    etcdDiscoverySrv === undefined ? parseEndpoints(etcdEndpoints?.value ?? local, { secure: tls !== undefined }) : []
  if (etcdDiscoverySrv === undefined && endpoints.length === 0)
    throw invalid(etcdEndpoints?.name ?? 'etcd', 'no endpoint in it')
  return {
    endpoints,
    ...(etcdDiscoverySrv !== undefined && { discoverySrv: etcdDiscoverySrv.value }),
    ...credentialsOf(given),
    ...(tls !== undefined && { tls }),
  }
}

function credentialsOf({ etcdUsername, etcdPassword }: Given): { username?: string; password?: string } {
  if (etcdUsername === undefined && etcdPassword !== undefined)
    throw invalid(etcdPassword.name, 'there is no user name')
  if (etcdUsername === undefined) return {}
  return { username: etcdUsername.value, password: etcdPassword?.value ?? '' }
}

function tlsOf(given: Given): EtcdTlsSources | undefined {
  const inline = given.etcdKey ?? given.etcdCert ?? given.etcdCACert
  const file = given.etcdKeyFile ?? given.etcdCertFile ?? given.etcdCACertFile
  if (inline !== undefined && file !== undefined)
    throw invalid(`${inline.name} and ${file.name}`, 'inline PEM and files cannot be mixed')
  const ca = pemOf(given.etcdCACertFile, given.etcdCACert)
  const cert = pemOf(given.etcdCertFile, given.etcdCert)
  const key = pemOf(given.etcdKeyFile, given.etcdKey)
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(cert?.setting ?? key?.setting ?? '', 'client certificate and key come together')
  }
  if (ca === undefined && cert === undefined) return undefined
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

function pemOf(file: GivenValue | undefined, inline: GivenValue | undefined): PemSource | undefined {
  if (file !== undefined) return { kind: 'file', path: file.value, setting: file.name }
  return inline === undefined ? undefined : { kind: 'inline', pem: inline.value, setting: inline.name }
}

const invalid = (what: string, why: string): CalicoError => new CalicoError('INVALID', `Cannot use ${what}: ${why}`)
