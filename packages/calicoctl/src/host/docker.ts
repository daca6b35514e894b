/** The little that we ask of a Docker engine, over its unix socket. */
import { request } from 'node:http'
import { text as readAll } from 'node:stream/consumers'
import { CalicoError, messageOf } from '@calico-node/core'

export interface DockerContainer {
  readonly id: string
  readonly name: string
  readonly running: boolean
  /** Process that holds the container's network namespace; 0 when it does not run. */
  readonly pid: number
  /** `none`, `bridge`, `host`, `container:ID`, or the name of a network. */
  readonly networkMode: string
}

const TIMEOUT_MS = 10_000
const NO_ENGINE = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR'])

/** Where the engine listens: DOCKER_HOST when it is a unix socket, else the usual place. */
export const dockerSocket = (env: Readonly<Record<string, string | undefined>>): string =>
  /^unix:\/\/(.+)$/.exec(env['DOCKER_HOST'] ?? '')?.[1] ?? '/var/run/docker.sock'

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function get(socketPath: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, headers: { host: 'docker' }, timeout: TIMEOUT_MS }, (response) => {
      readAll(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    call.on('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    call.on('error', reject)
    call.end()
  })
}

/**
 * Looks a container up by name or id.
 *
 * @returns `no-engine` when nothing listens on the socket, undefined when the engine knows no such container.
 * @throws COMMAND_FAILED when the engine answers with an error, or not at all
 */
export async function findContainer(
  socketPath: string,
  name: string,
): Promise<DockerContainer | 'no-engine' | undefined> {
  try {
    const { status, body } = await get(socketPath, `/containers/${encodeURIComponent(name)}/json`)
    if (status === 404) return undefined
    const json: unknown = JSON.parse(body)
    if (status !== 200) throw new Error(`status ${status}: ${text(field(json, 'message')) ?? body}`)
    const state = field(json, 'State')
    return {
      id: text(field(json, 'Id')) ?? '',
      name: (text(field(json, 'Name')) ?? '').replace(/^\//, ''),
      running: field(state, 'Running') === true,
      pid: Number(field(state, 'Pid') ?? 0),
      networkMode: text(field(field(json, 'HostConfig'), 'NetworkMode')) ?? '',
    }
  } catch (err) {
    if (err instanceof Error && 'code' in err && NO_ENGINE.has(String(err.code))) return 'no-engine'
    throw new CalicoError('COMMAND_FAILED', `Cannot ask Docker at ${socketPath} for "${name}": ${messageOf(err)}`, {
      context: { socketPath, name },
      cause: err,
    })
  }
}
