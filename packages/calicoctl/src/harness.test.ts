/**
 * Runs commands as a user would, in this process, against a real etcd; what they print and return is data for tests.
 */
import assert from 'node:assert/strict'
import { quietLogger } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, type KvStore } from '@calico-node/datastore'
import { TestEtcd } from '@calico-node/testkit'
import { runCli } from './cli/run.ts'
import { ENTRIES } from './commands/registry.ts'

export interface CliResult {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

export interface CliInput {
  readonly stdin?: string
  /** What is typed when the command asks; default: nothing, until it stops asking. */
  readonly answer?: string
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Hears standard output as it is written. */
  readonly onOutput?: (text: string) => void
}

/** @param argv Words, or one line to be split at spaces. */
export async function cli(argv: string | readonly string[], input: CliInput = {}): Promise<CliResult> {
  const { stdin = '', answer, env = {}, signal = new AbortController().signal, onOutput } = input
  const out: string[] = []
  const err: string[] = []
  const exit = await runCli({
    argv: typeof argv === 'string' ? argv.split(' ').filter((word) => word !== '') : argv,
    entries: ENTRIES,
    env,
    signal,
    colours: false,
    logger: async () => quietLogger,
    streams: {
      stdout: (text) => {
        out.push(text)
        onOutput?.(text)
      },
      stderr: (text) => err.push(text),
      readStdin: async () => stdin,
      readLine: (stop) =>
        new Promise((done) => {
          if (answer !== undefined) done(answer)
          stop.addEventListener('abort', () => done(undefined), { once: true })
        }),
    },
  })
  return { exit, stdout: out.join(''), stderr: err.join('') }
}

/** A cluster of its own for one test file. */
export class TestCluster {
  readonly etcd: TestEtcd
  readonly store: KvStore
  readonly client: CalicoClient
  readonly env: Readonly<Record<string, string>>

  private constructor(etcd: TestEtcd) {
    this.etcd = etcd
    this.env = {
      ETCD_ENDPOINTS: etcd.urls.join(','),
      NODENAME: 'host-a',
      CALICO_NODENAME_FILE: '/nonexistent/nodename',
    }
    this.store = openEtcd(parseConnection({ env: this.env }), quietLogger)
    this.client = new CalicoClient(this.store)
  }

  static async start(): Promise<TestCluster> {
    return new TestCluster(await TestEtcd.start())
  }

  /** Runs a command on this cluster. */
  cli(argv: string | readonly string[], input: CliInput = {}): Promise<CliResult> {
    return cli(argv, { ...input, env: { ...this.env, ...input.env } })
  }

  /** Succeeds without a word on standard error. @returns standard output */
  async ok(argv: string | readonly string[], stdin?: string): Promise<string> {
    const { exit, stdout, stderr } = await this.cli(argv, stdin === undefined ? {} : { stdin })
    assert.deepEqual([exit, stderr], [0, ''], String(argv))
    return stdout
  }

  /** Fails with this message alone and changes nothing. */
  async fails(argv: string | readonly string[], message: RegExp, stdin?: string): Promise<void> {
    const held = await this.everything()
    const { exit, stdout, stderr } = await this.cli(argv, stdin === undefined ? {} : { stdin })
    assert.deepEqual([exit, stdout], [1, ''], String(argv))
    assert.match(stderr, message)
    assert.deepEqual(await this.everything(), held)
  }

  async wipe(): Promise<void> {
    await this.etcd.ctl('del', '--prefix', '/calico/')
  }

  /** Every key and value. */
  async everything(): Promise<Readonly<Record<string, string>>> {
    return Object.fromEntries((await this.store.list('/calico/')).kvs.map(({ key, value }) => [key, value]))
  }

  async stop(): Promise<void> {
    this.store.close()
    await this.etcd.stop()
  }
}
