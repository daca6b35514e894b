/**
 * One small file for each workload endpoint that is programmed and up, for local programs that wait for that: the CNI
 * plugin holds a container back until its file exists, and confd peers with workloads that a BGPPeer chooses. Nothing is written before all endpoints are known; then files
 * that no endpoint needs, such as those of a past life, are removed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Logger, messageOf } from '@calico-node/core'
import { ipVersion } from '@calico-node/model'
import { type WorkloadEndpoint, type WorkloadId, workloadKey } from '../calc/messages.ts'

export class EndpointFiles {
  readonly #directory: string
  readonly #log: Logger
  readonly #endpoints = new Map<string, WorkloadEndpoint>()
  readonly #up = new Set<string>()
  #complete = false
  #lastProblem = ''

  /** @param prefix The files go into `endpoint-status/` below it. */
  constructor(prefix: string, log: Logger) {
    this.#directory = join(prefix, 'endpoint-status')
    this.#log = log
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

  /** A problem is logged once, and the next look tries again. */
  #guard(work: () => void): void {
    try {
      work()
      this.#lastProblem = ''
    } catch (err) {
      if (messageOf(err) !== this.#lastProblem)
        this.#log.warn('Endpoint status files could not be written, will retry', { err })
      this.#lastProblem = messageOf(err)
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
