import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BirdClient } from '@calico-node/birdc'
import { waitFor, type LogFields, type Logger } from '@calico-node/core'
import { MemoryKvStore } from '@calico-node/datastore'
import { affinityKey, encodeResource, parseCidr, parseResource, resourceKey } from '@calico-node/model'
import { startBird, type RunningBird } from '@calico-node/testkit'
import { Agent } from '../agent.ts'
import { resolveConfig } from '../params.ts'
import { surroundingsOf } from './scenario.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8' })

/** Remembers what was logged, for tests that ask for it. */
export class LogBook implements Logger {
  readonly lines: { level: string; message: string; fields: LogFields }[] = []
  #add =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void this.lines.push({ level, message, fields })
  error = this.#add('error')
  warn = this.#add('warn')
  info = this.#add('info')
  debug = this.#add('debug')
  child = (): Logger => this
  text = (): string =>
    this.lines.map(({ level, message, fields }) => `${level} ${message} ${JSON.stringify(fields)}`).join('\n')
}

/** A node: a network namespace on the common bridge, confd in this process, and both BIRDs. */
export class TestHost {
  readonly name: string
  readonly address: { readonly 4: string; readonly 6: string }
  readonly directory = mkdtempSync(join(tmpdir(), 'host-'))
  readonly log = new LogBook()
  readonly birds = new Map<4 | 6, RunningBird>()
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined

  constructor(number: number) {
    this.name = `host${number}`
    this.address = { 4: `172.18.0.${number}`, 6: `fd00::${number}` }
    for (const sub of ['templates', 'secrets']) mkdirSync(join(this.directory, sub))
  }

  client(version: 4 | 6 = 4): BirdClient {
    return new BirdClient(join(this.directory, version === 4 ? 'bird.ctl' : 'bird6.ctl'))
  }

  /** Runs `ip` in the namespace of the host. */
  ip(...args: readonly string[]): string {
    return ip('-n', this.name, ...args)
  }

  /** Runs any program in it. */
  run(program: string, ...args: readonly string[]): string {
    return ip('netns', 'exec', this.name, program, ...args)
  }

  routes(version: 4 | 6 = 4): string {
    return this.ip(`-${version}`, 'route', 'show')
  }

  addToNetwork(): void {
    ip('netns', 'add', this.name)
    ip('link', 'add', this.name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.name)
    ip('link', 'set', this.name, 'master', 'underlay', 'up')
    for (const link of ['lo', 'eth0']) this.ip('link', 'set', link, 'up')
    this.ip('addr', 'add', `${this.address[4]}/24`, 'dev', 'eth0')
    this.ip('-6', 'addr', 'add', `${this.address[6]}/64`, 'dev', 'eth0', 'nodad')
  }

  leaveNetwork(): void {
    ip('link', 'del', this.name) // the kernel would remove it some time after the namespace, and the name may be needed before
    ip('netns', 'del', this.name)
  }

  startConfd(store: MemoryKvStore, env: Readonly<Record<string, string>> = {}): void {
    const config = resolveConfig({
      NODENAME: this.name,
      CALICO_TEMPLATES: join(ROOT, 'templates'),
      CALICO_CONFD_CONFIG_DIR: this.directory,
      CALICO_BIRD_RUN_DIR: this.directory,
      CALICO_CONFD_TEMPLATES: join(this.directory, 'templates'),
      CALICO_SECRETS_DIR: join(this.directory, 'secrets'),
      CALICO_ENDPOINT_STATUS_PATH_PREFIX: this.directory,
      ...env,
    })
    const surroundings = surroundingsOf({ node: this.name, environment: env })
    const agent = new Agent({ config, surroundings, store, log: this.log, setLogLevel: () => undefined })
    this.#running = agent.run(this.#stop.signal)
  }

  /** As the launcher does it: once the files are there. */
  async startBird(version: 4 | 6, args: readonly string[] = []): Promise<RunningBird> {
    const started = async (): Promise<RunningBird> =>
      startBird({ ipVersion: version, dir: this.directory, netns: this.name, args })
    const bird = await waitFor(`BIRD ${version} of ${this.name}`, started)
    this.birds.set(version, bird)
    return bird
  }

  async established(version: 4 | 6 = 4, count = 1): Promise<void> {
    await waitFor(
      `${count} IPv${version} session(s) of ${this.name}`,
      async () => {
        const up = (await this.client(version).protocols()).filter(({ info }) => info === 'Established')
        return up.length === count
      },
      { deadlineMs: 20_000 },
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    for (const bird of this.birds.values()) await bird.stop()
    rmSync(this.directory, { recursive: true })
  }
}

/** Some hosts on one bridge over one datastore, all gone afterwards. */
export async function withHosts<T>(
  count: number,
  use: (hosts: readonly TestHost[], store: MemoryKvStore) => Promise<T>,
): Promise<T> {
  const store = new MemoryKvStore()
  ip('link', 'add', 'underlay', 'type', 'bridge')
  ip('link', 'set', 'underlay', 'up')
  const hosts = Array.from({ length: count }, (_, i) => new TestHost(i + 1))
  try {
    for (const host of hosts) host.addToNetwork()
    return await use(hosts, store)
  } finally {
    await Promise.all(hosts.map((host) => host.stop()))
    store.close()
    for (const host of hosts) host.leaveNetwork()
    ip('link', 'del', 'underlay')
  }
}

/** Stores a v3 document over whatever is there. */
export async function put(
  store: MemoryKvStore,
  kind: string,
  name: string,
  spec: unknown,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  const resource = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name, labels }, spec })
  await store.put(resourceKey(resource.kind, name), encodeResource(resource))
}

export const putNode = (
  store: MemoryKvStore,
  { name, address }: TestHost,
  bgp: object = {},
  labels: Readonly<Record<string, string>> = {},
): Promise<void> =>
  put(
    store,
    'Node',
    name,
    { bgp: { ipv4Address: `${address[4]}/24`, ipv6Address: `${address[6]}/64`, ...bgp } },
    labels,
  )

export const putBlock = async (store: MemoryKvStore, { name }: TestHost, cidr: string): Promise<void> =>
  void (await store.put(affinityKey(name, parseCidr(cidr)), '{"state":"confirmed"}'))
