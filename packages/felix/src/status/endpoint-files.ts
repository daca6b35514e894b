/**
 * One small file for each workload endpoint that is programmed and up, for local programs that wait for that: the CNI
 * plugin holds a container back until its file exists, and confd peers with workloads that a BGPPeer chooses. Nothing is written before all endpoints are known; then files
 * that no endpoint needs, such as those of a past life, are removed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '@calico-node/core'
import { ipVersion } from '@calico-node/model'
import { type WorkloadEndpoint, type WorkloadId, workloadKey } from '../calc/messages.ts'
import type { ProblemSink } from './problems.ts'

const PROBLEM = 'endpoint status files'

export class EndpointFiles {
  readonly #directory: string
  readonly #problems: ProblemSink
  readonly #endpoints = new Map<string, WorkloadEndpoint>()
  readonly #up = new Set<string>()
  #complete = false

  /** @param prefix The files go into `endpoint-status/` below it. */
  constructor(prefix: string, problems: ProblemSink) {
    this.#directory = join(prefix, 'endpoint-status')
    this.#problems = problems
  }

  /** Sets or (with undefined) removes what is known of an endpoint. */
  setEndpoint(id: WorkloadId, endpoint: WorkloadEndpoint | undefined): void {
    if (endpoint === undefined) this.#endpoints.delete(workloadKey(id))
    else this.#endpoints.set(workloadKey(id), endpoint)
    if (this.#complete) this.#guard(() => this.#refresh(id))
  }

  /** An endpoint is up once its rules and routes stand. */
  setUp(id: WorkloadId, up: boolean): void {
    if (up) this.#up.add(workloadKey(id))
    else this.#up.delete(workloadKey(id))
    if (this.#complete) this.#guard(() => this.#refresh(id))
  }

  /** All endpoints are known: files that none of them needs are left over. */
  start(): void {
    this.#complete = true
    this.reconcile()
  }

  /** Makes the directory exactly what it should be; call it now and then. Does nothing before `start`. */
  reconcile(): void {
    if (!this.#complete) return
    this.#guard(() => {
      mkdirSync(this.#directory, { recursive: true })
      const wanted = new Set([...this.#endpoints].flatMap(([key, { id }]) => (this.#up.has(key) ? fileName(id) : [])))
      for (const name of readdirSync(this.#directory))
        if (!wanted.has(name)) rmSync(join(this.#directory, name), { force: true })
      for (const { id } of this.#endpoints.values()) this.#refresh(id)
      this.#problems.clear(PROBLEM)
    })
  }

  #refresh(id: WorkloadId): void {
    const path = join(this.#directory, fileName(id))
    const endpoint = this.#up.has(workloadKey(id)) ? this.#endpoints.get(workloadKey(id)) : undefined
    if (endpoint === undefined) return rmSync(path, { force: true })
    const text = content(endpoint)
    if (existsSync(path) && readFileSync(path, 'utf8') === text) return
    mkdirSync(this.#directory, { recursive: true })
    const staged = join(this.#directory, `.${fileName(id)}`)
    writeFileSync(staged, text)
    renameSync(staged, path)
  }

  /** The next look tries again what failed; only a look at all of them shows that nothing is amiss any more. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (err) {
      this.#problems.raise(PROBLEM, `Cannot write the status of endpoints to ${this.#directory}: ${messageOf(err)}`)
    }
  }
}

const part = (text: string): string => text.replaceAll('/', '%2F').replaceAll(' ', '%20')
const fileName = ({ orchestrator, workload, endpoint }: WorkloadId): string =>
  [orchestrator, workload, endpoint].map(part).join(' ')

const content = ({ interfaceName, mac, nets, bgpPeer }: WorkloadEndpoint): string =>
  JSON.stringify({
    ifaceName: interfaceName,
    mac: mac ?? '',
    ipv4Nets: nets.filter((net) => ipVersion(net) === 4),
    ipv6Nets: nets.filter((net) => ipVersion(net) === 6),
    ...(bgpPeer !== undefined && { bgpPeerName: bgpPeer }),
  })
