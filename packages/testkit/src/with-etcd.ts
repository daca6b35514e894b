import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EtcdMember } from './etcd-member.ts'
import { freePort } from './free-port.ts'
import type { Certificate } from './test-ca.ts'

export interface EtcdTls extends Certificate {
  readonly caFile: string
  /** Ask every client for a certificate of that CA. Default false. */
  readonly clientCertAuth?: boolean
}

export interface EtcdOptions {
  /** How many members. Default 1. */
  readonly members?: number
  /** Serve clients over TLS. */
  readonly tls?: EtcdTls
  /** Enable authentication; user `root` gets this password. */
  readonly rootPassword?: string
  /** More flags for each member, such as `--auth-token-ttl=2`. */
  readonly args?: readonly string[]
}

/** A real etcd cluster on free ports of the loopback address, with data of its own. */
export class TestEtcd {
  readonly members: readonly EtcdMember[]
  readonly #dir: string
  readonly #opts: EtcdOptions
  readonly #beside: EtcdMember[] = []

  private constructor(dir: string, members: readonly EtcdMember[], opts: EtcdOptions) {
    this.#dir = dir
    this.members = members
    this.#opts = opts
  }

  /** Starts the cluster and waits until it answers. */
  static async start(opts: EtcdOptions = {}): Promise<TestEtcd> {
    const dir = mkdtempSync(join(tmpdir(), 'etcd-'))
    const etcd = new TestEtcd(dir, await planMembers(dir, opts), opts)
    try {
      for (const member of etcd.members) member.start()
      await Promise.all(etcd.members.map((member) => etcd.ready(member)))
      if (opts.rootPassword !== undefined) await etcd.#enableAuth(opts.rootPassword)
    } catch (err) {
      await etcd.stop()
      throw err
    }
    return etcd
  }

  /** The first member, of a cluster of one the only member. */
  get member(): EtcdMember {
    const [first] = this.members
    if (first === undefined) throw new Error('Cannot use etcd: it has no members')
    return first
  }

  get urls(): string[] {
    return this.members.map((member) => this.urlOf(member))
  }

  urlOf(member: EtcdMember): string {
    return urlOf(member.clientPort, this.#opts)
  }

  /** Runs etcdctl against all members, as root where authentication is on; its output. */
  async ctl(...args: readonly string[]): Promise<string> {
    return this.#etcdctl(this.urls, args)
  }

  /** Starts a stopped member again on its data and waits until it answers. */
  async restart(member: EtcdMember, args: readonly string[] = []): Promise<void> {
    member.start(args)
    await this.ready(member)
  }

  async ready(member: EtcdMember): Promise<void> {
    await member.ready(() => this.#etcdctl([this.urlOf(member)], ['endpoint', 'health']))
  }

  /** The member that leads the cluster now. */
  async leader(): Promise<EtcdMember> {
    const status: { Endpoint: string; Status: { leader: number; header: { member_id: number } } }[] = JSON.parse(
      await this.ctl('endpoint', 'status', '--write-out=json'),
    )
    const url = status.find(({ Status }) => Status.leader === Status.header.member_id)?.Endpoint
    const leader = this.members.find((member) => this.urlOf(member) === url)
    if (leader === undefined) throw new Error(`Cannot find the leader of etcd: none among ${this.urls.join(', ')}`)
    return leader
  }

  /** Writes a snapshot of the first member's data to a file, to `restore` it later. */
  async backup(file: string): Promise<void> {
    await this.#etcdctl([this.urlOf(this.member)], ['snapshot', 'save', file])
  }

  /** Puts a cluster of one back to the state of a `backup`. */
  async restore(file: string): Promise<void> {
    await this.member.stop()
    this.member.wipe()
    await promisify(execFile)('etcdctl', ['snapshot', 'restore', file, `--data-dir=${this.#dataDir(this.member)}`], {
      env: { ...process.env, ETCDCTL_API: '3' },
    })
    await this.restart(this.member)
  }

  /** Starts `etcd grpc-proxy` in front of the cluster; ends with it. */
  async startGrpcProxy(): Promise<{ readonly url: string; readonly process: EtcdMember }> {
    const clientPort = await freePort()
    const args = ['grpc-proxy', 'start', `--endpoints=${this.urls.join(',')}`, `--listen-addr=127.0.0.1:${clientPort}`]
    const proxy = new EtcdMember({ name: 'grpc-proxy', dataDir: '', clientPort, args })
    this.#beside.push(proxy)
    proxy.start()
    const url = `http://127.0.0.1:${clientPort}`
    await proxy.ready(() => this.#etcdctl([url], ['get', '/']))
    return { url, process: proxy }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.members, ...this.#beside].map((member) => member.stop()))
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #dataDir(member: EtcdMember): string {
    return join(this.#dir, member.name)
  }

  async #enableAuth(password: string): Promise<void> {
    await this.#etcdctl(this.urls, ['user', 'add', `root:${password}`], { anonymous: true })
    await this.#etcdctl(this.urls, ['user', 'grant-role', 'root', 'root'], { anonymous: true })
    await this.#etcdctl(this.urls, ['auth', 'enable'], { anonymous: true })
  }

  async #etcdctl(urls: readonly string[], args: readonly string[], { anonymous = false } = {}): Promise<string> {
    const { tls, rootPassword } = this.#opts
    const secure = tls === undefined ? [] : [`--cacert=${tls.caFile}`, `--cert=${tls.certFile}`, `--key=${tls.keyFile}`]
    const user = rootPassword === undefined || anonymous ? [] : [`--user=root:${rootPassword}`]
    const env = { ...process.env, ETCDCTL_API: '3' }
    const { stdout } = await promisify(execFile)(
      'etcdctl',
      [`--endpoints=${urls.join(',')}`, ...secure, ...user, ...args],
      { env },
    )
    return stdout
  }
}

/** Runs `use` beside an etcd of its own, which ends with it. */
export async function withEtcd<T>(opts: EtcdOptions, use: (etcd: TestEtcd) => Promise<T>): Promise<T> {
  const etcd = await TestEtcd.start(opts)
  try {
    return await use(etcd)
  } finally {
    await etcd.stop()
  }
}

const urlOf = (port: number, { tls }: EtcdOptions): string =>
  `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`

async function planMembers(dir: string, opts: EtcdOptions): Promise<EtcdMember[]> {
  const count = opts.members ?? 1
  const ports = await Promise.all(Array.from({ length: count * 2 }, freePort))
  const plan = Array.from({ length: count }, (_, i) => ({
    name: `m${i + 1}`,
    clientPort: ports[2 * i] ?? 0,
    peerUrl: `http://127.0.0.1:${ports[2 * i + 1]}`,
  }))
  const cluster = plan.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
  return plan.map(({ name, clientPort, peerUrl }) => {
    const dataDir = join(dir, name)
    const url = urlOf(clientPort, opts)
    const args = [
      `--name=${name}`,
      `--data-dir=${dataDir}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=${cluster}`,
      '--bcrypt-cost=4',
      ...tlsFlags(opts.tls),
      ...(count === 1 ? ['--heartbeat-interval=20', '--election-timeout=200'] : []),
      ...(opts.args ?? []),
    ]
    return new EtcdMember({ name, dataDir, clientPort, args })
  })
}

const tlsFlags = (tls: EtcdTls | undefined): string[] =>
  tls === undefined
    ? []
    : [
        `--cert-file=${tls.certFile}`,
        `--key-file=${tls.keyFile}`,
        // Naming a CA makes etcd ask for certificates, whatever the other flag says.
        ...(tls.clientCertAuth === true ? ['--client-cert-auth', `--trusted-ca-file=${tls.caFile}`] : []),
      ]
