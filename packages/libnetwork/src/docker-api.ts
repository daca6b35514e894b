/** The little of Docker's API that the plugin asks for. */
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { CalicoError } from '@calico-node/core'

const TIMEOUT_MS = 5_000

const Attached = z.record(z.string(), z.object({ EndpointID: z.string() }))
const Network = z.object({ Name: z.string(), Id: z.string(), Containers: Attached.nullish() })
const Labels = z.record(z.string(), z.string()).nullish()
const Container = z.object({ Config: z.object({ Labels }) })
const RunningContainer = z.object({
  Labels,
  NetworkSettings: z.object({ Networks: Attached.nullish() }).nullish(),
})

export type DockerNetwork = z.output<typeof Network>

/** A running container. */
export interface RunningContainer {
  readonly labels: Readonly<Record<string, string>>
  /** Identifiers of its endpoints, on networks of any driver. */
  readonly endpoints: readonly string[]
}

/** Every call may throw COMMAND_FAILED when Docker does not answer, and NOT_FOUND. */
export class DockerApi {
  readonly #socketPath: string
  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** A network with the containers of this host that are on it. */
  async network(id: string): Promise<DockerNetwork> {
    return Network.parse(await this.#get(`/networks/${encodeURIComponent(id)}`))
  }

  async networkIds(): Promise<ReadonlySet<string>> {
    return new Set(
      z
        .array(Network)
        .parse(await this.#get('/networks'))
        .map(({ Id }) => Id),
    )
  }

  /** What Docker knows by itself, so that a cluster store that is away takes nothing out of the list. */
  async runningContainers(): Promise<readonly RunningContainer[]> {
    return z
      .array(RunningContainer)
      .parse(await this.#get('/containers/json'))
      .map((container) => ({
        labels: container.Labels ?? {},
        endpoints: Object.values(container.NetworkSettings?.Networks ?? {}).map(({ EndpointID }) => EndpointID),
      }))
  }

  async containerLabels(id: string): Promise<Readonly<Record<string, string>>> {
    return Container.parse(await this.#get(`/containers/${encodeURIComponent(id)}/json`)).Config.Labels ?? {}
  }

  async #get(path: string): Promise<unknown> {
    const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      // No agent: a connection that outlived Docker's restart would fail the next question.
      const options = { socketPath: this.#socketPath, path, timeout: TIMEOUT_MS, agent: false }
      const outgoing = request(options, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
      outgoing.on('error', (cause) => {
        const where = `${this.#socketPath} (CALICO_LIBNETWORK_DOCKER_SOCKET)`
        reject(new CalicoError('COMMAND_FAILED', `Cannot ask Docker on ${where}: ${cause.message}`, { cause }))
      })
      outgoing.end()
    })
    if (status === 200) return JSON.parse(body)
    throw new CalicoError(
      status === 404 ? 'NOT_FOUND' : 'COMMAND_FAILED',
      `Cannot get ${path} from Docker: ${body.trim()}`,
    )
  }
}
