import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { waitFor } from '@calico-node/core'

/** The sources, or with FELIX_PROGRAM a bundle made of them. */
const MAIN = process.env['FELIX_PROGRAM'] ?? new URL('./main.ts', import.meta.url).pathname

/** What start-up writes when the cluster may be used. */
export const CLUSTER_READY: readonly [key: string, value: string] = [
  '/calico/resources/v3/projectcalico.org/clusterinformations/default',
  JSON.stringify({ metadata: { name: 'default' }, spec: { datastoreReady: true } }),
]

/** Felix as runit would start it, on the node `here`. */
export class FelixProcess {
  readonly #env: Readonly<Record<string, string | undefined>>
  #child: ChildProcess | undefined
  /** Everything that it has said, over all its lives. */
  log = ''

  constructor({ etcd, variant }: { etcd: string; variant: string }, env: Readonly<Record<string, string>> = {}) {
    this.#env = {
      PATH: process.env['PATH'],
      FELIX_FELIXHOSTNAME: 'here',
      FELIX_ETCDENDPOINTS: etcd,
      FELIX_IPTABLESBACKEND: variant,
      FELIX_ENDPOINTSTATUSPATHPREFIX: 'none',
      CALICO_MTU_FILE: '',
      CALICO_BIRD_RUN_DIR: '',
      ...env,
    }
  }

  start(): void {
    const child = spawn(process.execPath, [MAIN, '-c', '/dev/null'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: this.#env,
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.log += text
    })
    this.#child = child
  }

  get pid(): number {
    return this.#child?.pid ?? assert.fail('Felix is not running')
  }

  /** @returns The exit status; null after a signal that it could not catch. */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    this.#child?.kill(signal)
    return this.exited()
  }

  async exited(): Promise<number | null> {
    const child = this.#child ?? assert.fail('Felix was never started')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.exitCode
  }

  async inSync(times: number): Promise<void> {
    await waitFor(
      `Felix to be in sync for the ${times}. time`,
      () => this.log.split('Dataplane is in sync').length > times,
      { deadlineMs: 30_000 },
    )
  }
}
