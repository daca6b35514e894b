import { CalicoError } from '@calico-node/core'
import { firstChild, isAlive, killQuietly, type Machine } from './machine.ts'
import { patientlyWaitFor } from './patience.ts'

export interface LabEtcdOptions {
  readonly machine: Machine
  /** Of the machine, where it listens. */
  readonly address: string
  /** Default `lab`. */
  readonly name?: string
  /** Default 2379; members talk to each other on the next port. */
  readonly port?: number
  /** Members of the cluster, as `--initial-cluster` takes them. Default: this one alone. */
  readonly cluster?: string
  /** More flags. */
  readonly args?: readonly string[]
  /** Serve TLS, to clients with a certificate of the same CA only. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string }
}

/** One etcd on a machine of the lab, on the machine's own address. */
export class LabEtcd {
  readonly endpoint: string
  /** As `--user` of etcdctl takes it; to be set once authentication is on. */
  user: string | undefined
  readonly #opts: LabEtcdOptions
  #pid = 0

  constructor(opts: LabEtcdOptions) {
    const { address, port = 2379, tls } = opts
    this.#opts = opts
    this.endpoint = `${tls === undefined ? 'http' : 'https'}://${address}:${port}`
  }

  /** How the member is called by the others: an entry of `cluster`. */
  get peer(): string {
    return `${this.#name}=${this.#peerUrl}`
  }

  get #name(): string {
    return this.#opts.name ?? 'lab'
  }

  get #peerUrl(): string {
    return `http://${this.#opts.address}:${(this.#opts.port ?? 2379) + 1}`
  }

  get #dataDir(): string {
    return `/var/lib/etcd-${this.#name}`
  }

  /** Starts it and waits until it answers, which takes a majority of the cluster. */
  async start(): Promise<void> {
    this.launch()
    await patientlyWaitFor(`etcd on ${this.endpoint}`, async () => (await this.ctl('endpoint', 'health')).code === 0, {
      deadlineMs: 20_000,
    })
  }

  /** Starts it without waiting. */
  launch(): void {
    const { machine, tls, cluster = this.peer, args = [] } = this.#opts
    const argv = [
      'etcd',
      `--name=${this.#name}`,
      `--data-dir=${this.#dataDir}`,
      '--unsafe-no-fsync', // durability is not what a lab is for
      `--listen-client-urls=${this.endpoint}`,
      `--advertise-client-urls=${this.endpoint}`,
      `--listen-peer-urls=${this.#peerUrl}`,
      `--initial-advertise-peer-urls=${this.#peerUrl}`,
      `--initial-cluster=${cluster}`,
      '--bcrypt-cost=4',
      ...args,
      ...(tls === undefined
        ? []
        : [
            `--cert-file=${tls.certFile}`,
            `--key-file=${tls.keyFile}`,
            `--trusted-ca-file=${tls.caFile}`,
            '--client-cert-auth',
          ]),
    ]
    this.#pid = machine.spawn(argv, 'etcd.log')
  }

  /** Ends etcd without warning; its data stays. */
  async stop(): Promise<void> {
    const etcd = firstChild(this.#pid) ?? this.#pid
    killQuietly(etcd)
    await patientlyWaitFor('etcd to end', () => !isAlive(etcd))
  }

  /** Removes all its data; only while it is stopped. */
  async wipe(): Promise<void> {
    await this.#opts.machine.must(['rm', '-rf', this.#dataDir])
  }

  /** Fills the data from a snapshot that `etcdctl snapshot save` wrote; only after a `wipe`. */
  async restore(file: string): Promise<void> {
    const argv = ['etcdctl', 'snapshot', 'restore', file, `--data-dir=${this.#dataDir}`]
    await this.#opts.machine.must(argv, { env: { ETCDCTL_API: '3' } })
  }

  async ctl(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { machine, tls } = this.#opts
    const secure = tls === undefined ? [] : [`--cacert=${tls.caFile}`, `--cert=${tls.certFile}`, `--key=${tls.keyFile}`]
    const user = this.user === undefined ? [] : [`--user=${this.user}`]
    return machine.exec(
      ['etcdctl', '--endpoints', this.endpoint, '--command-timeout', '3s', ...secure, ...user, ...args],
      { env: { ETCDCTL_API: '3' } },
    )
  }

  /** As {@link ctl}. @throws COMMAND_FAILED */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.ctl(...args)
    if (code === 0) return stdout
    throw new CalicoError('COMMAND_FAILED', `Cannot run etcdctl ${args.join(' ')}: ${stderr.trim()}`)
  }

  /** The value of a key as JSON of the shape that the caller knows it to have; undefined when absent. */
  async json<T>(key: string): Promise<T | undefined> {
    const { stdout } = await this.ctl('get', key, '--print-value-only')
    return stdout.trim() === '' ? undefined : JSON.parse(stdout)
  }

  async keys(prefix: string): Promise<string[]> {
    const { stdout } = await this.ctl('get', prefix, '--prefix', '--keys-only')
    return stdout.split('\n').filter((line) => line !== '')
  }
}
