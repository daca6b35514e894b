/** The little of Docker's API that the plugin asks for. */
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { CalicoError } from '@calico-node/core'

const TIMEOUT_MS = 5_000

const attached = z.record(z.string(), z.object({ EndpointID: z.string() }))
const Network = z.object({ Name: z.string(), Id: z.string(), Driver: z.string(), Containers: attached.nullish() })
const Container = z.object({ Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }) })

export type DockerNetwork = z.output<typeof Network>

export class DockerApi {
  readonly #socketPath: string
  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** A network with the containers of this host that are on it. @throws STORE_UNAVAILABLE, NOT_FOUND */
  async network(id: string): Promise<DockerNetwork> {
    return Network.parse(await this.#get(`/networks/${encodeURIComponent(id)}`))
  }

  /** Ids of all endpoints of running containers on networks of the driver. */
  async endpointIds(driver: string): Promise<ReadonlySet<string>> {
    const ids = new Set<string>()
    for (const { Id, Driver } of z.array(Network).parse(await this.#get('/networks'))) {
      if (Driver !== driver) continue
      for (const { EndpointID } of Object.values((await this.network(Id)).Containers ?? {})) ids.add(EndpointID)
    }
    return ids
  }

  async containerLabels(id: string): Promise<Readonly<Record<string, string>>> {
    return Container.parse(await this.#get(`/containers/${encodeURIComponent(id)}/json`)).Config.Labels ?? {}
  }

  async #get(path: string): Promise<unknown> {
    const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const outgoing = request({ socketPath: this.#socketPath, path, timeout: TIMEOUT_MS }, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
      outgoing.on('error', (cause) => {
        reject(
          new CalicoError('STORE_UNAVAILABLE', `Cannot ask Docker on ${this.#socketPath}: ${cause.message}`, { cause }),
        )
      })
      outgoing.end()
    })
    if (status === 200) return JSON.parse(body)
    throw new CalicoError(
      status === 404 ? 'NOT_FOUND' : 'STORE_UNAVAILABLE',
      `Cannot get ${path} from Docker: ${body.trim()}`,
    )
  }
}
