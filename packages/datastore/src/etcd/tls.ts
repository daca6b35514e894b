import { X509Certificate } from 'node:crypto'
import { statSync } from 'node:fs'
import { createSecureContext, rootCertificates } from 'node:tls'
import { CalicoError, messageOf } from '@calico-node/core'
import type { EtcdTlsSources, PemSource } from './connection.ts'
import { readNamedFile } from './named-file.ts'

/** Certificates as the etcd3 package takes them. */
export interface TlsCredentials {
  readonly rootCertificate: Buffer
  readonly certChain?: Buffer
  readonly privateKey?: Buffer
}

/** @throws INVALID naming the file or setting that cannot be read, is no PEM, or does not fit the others */
export function loadCredentials({ ca, cert, key }: EtcdTlsSources): TlsCredentials {
  const rootCertificate = ca === undefined ? Buffer.from(rootCertificates.join('\n')) : read(ca)
  if (ca !== undefined) check(`CA certificate of ${describe(ca)}`, () => new X509Certificate(rootCertificate))
  if (cert === undefined || key === undefined) return { rootCertificate }
  const [certChain, privateKey] = [read(cert), read(key)]
  check(`certificate of ${describe(cert)} with the key of ${describe(key)}`, () =>
    createSecureContext({ cert: certChain, key: privateKey }),
  )
  return { rootCertificate, certChain, privateKey }
}

/** Changes whenever one of the files does; a missing file counts as one state of its own. */
export function fingerprint(sources: EtcdTlsSources): string {
  return [sources.ca, sources.cert, sources.key]
    .map((source) => {
      if (source?.kind !== 'file') return ''
      const stat = statSync(source.path, { throwIfNoEntry: false })
      return stat === undefined ? 'missing' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`
    })
    .join()
}

const read = (source: PemSource): Buffer =>
  source.kind === 'inline' ? Buffer.from(source.pem) : readNamedFile(source.path, source.setting)

function check(what: string, parse: () => unknown): void {
  try {
    parse()
  } catch (err) {
    throw new CalicoError('INVALID', `Cannot use ${what}: ${messageOf(err)}`, { cause: err })
  }
}

const describe = (source: PemSource): string =>
  source.kind === 'file' ? `${source.path} (${source.setting})` : source.setting
