import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

export interface IssueOptions {
  /** Common name; etcd takes that of a client certificate as the user name. */
  readonly commonName?: string
  /** Subject alternative names. Default: localhost and the loopback addresses. */
  readonly altNames?: readonly string[]
}

const LOOPBACK = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1']
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

/** A certificate authority for one test, made by openssl in a directory of its own. */
export class TestCa {
  readonly dir: string
  readonly caFile: string
  readonly #keyFile: string

  private constructor(dir: string) {
    this.dir = dir
    this.caFile = join(dir, 'ca.pem')
    this.#keyFile = join(dir, 'ca.key')
  }

  static async create(commonName = 'test CA'): Promise<TestCa> {
    const ca = new TestCa(mkdtempSync(join(tmpdir(), 'ca-')))
    await openssl(['-subj', `/CN=${commonName}`, '-keyout', ca.#keyFile, '-out', ca.caFile])
    return ca
  }

  /** Makes `name.pem` and `name.key` (or makes them anew), good for servers and for clients. */
  async issue(name: string, { commonName = name, altNames = LOOPBACK }: IssueOptions = {}): Promise<Certificate> {
    const [certFile, keyFile] = [join(this.dir, `${name}.pem`), join(this.dir, `${name}.key`)]
    await openssl([
      '-subj',
      `/CN=${commonName}`,
      '-CA',
      this.caFile,
      '-CAkey',
      this.#keyFile,
      '-keyout',
      keyFile,
      '-out',
      certFile,
      '-addext',
      `subjectAltName=${altNames.join(',')}`,
      '-addext',
      'basicConstraints=CA:FALSE',
    ])
    return { certFile, keyFile }
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}

async function openssl(args: readonly string[]): Promise<void> {
  await promisify(execFile)('openssl', ['req', '-x509', ...NEW_KEY, ...args])
}
