import { waitFor } from '@calico-node/core'
import { firstChild, isAlive, killQuietly, type Machine } from './machine.ts'

/** One etcd on a machine of the lab, on the machine's own address. */
export class LabEtcd {
  readonly machine: Machine
  readonly endpoint: string
  #pid = 0

  constructor(machine: Machine, address: string) {
    this.machine = machine
    this.endpoint = `http://${address}:2379`
  }

  async start(): Promise<void> {
    // Durability is not what a lab is for: skip fsync.
    const peer = this.endpoint.replace('2379', '2380')
    const argv = [
      'etcd',
      '--name',
      'lab',
      '--data-dir',
      '/var/lib/etcd-lab',
      '--unsafe-no-fsync',
      '--listen-client-urls',
      this.endpoint,
      '--advertise-client-urls',
      this.endpoint,
      '--listen-peer-urls',
      peer,
      '--initial-advertise-peer-urls',
      peer,
      '--initial-cluster',
      `lab=${peer}`,
    ]
    this.#pid = this.machine.spawn(argv, 'etcd.log')
    await waitFor(`etcd on ${this.endpoint}`, async () => (await this.ctl('endpoint', 'health')).code === 0, {
      deadlineMs: 20_000,
    })
  }

  /** Ends etcd without warning; its data stays. */
  async stop(): Promise<void> {
    const etcd = firstChild(this.#pid) ?? this.#pid
    killQuietly(etcd)
    await waitFor('etcd to end', () => !isAlive(etcd))
  }

  async ctl(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return this.machine.exec(['etcdctl', '--endpoints', this.endpoint, '--command-timeout', '3s', ...args], {
      env: { ETCDCTL_API: '3' },
    })
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
