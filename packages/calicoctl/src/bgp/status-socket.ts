import { request } from 'node:http'
import { join } from 'node:path'
import type { BirdProtocolDetail } from '@calico-node/birdc'
import { CalicoError, messageOf } from '@calico-node/core'
import { z } from 'zod'

const count = z.number().default(0)
const ProtocolSchema = z.object({
  name: z.string(),
  proto: z.string(),
  table: z.string(),
  state: z.string(),
  since: z.string(),
  info: z.string(),
  routes: z.object({ imported: count, exported: count, preferred: count }),
  bgp: z
    .object({
      state: z.string(),
      neighborAddress: z.string().exactOptional(),
      neighborAs: z.number().exactOptional(),
      capabilities: z.array(z.string()),
      session: z.array(z.string()),
      lastError: z.string().exactOptional(),
    })
    .exactOptional(),
})
const AnswersSchema = z.array(
  z.union([
    z.object({ family: z.literal([4, 6]), protocols: z.array(ProtocolSchema) }),
    z.object({ family: z.literal([4, 6]), problem: z.string() }),
  ]),
)

const TIMEOUT_MS = 2000

/**
 * What BIRD said of its protocols to the service `bgp-status`, some seconds ago at most. Its socket is for root and a group;
 * BIRD's own is for root alone.
 *
 * @throws NOT_FOUND when the service does not run, or the caller may not ask it; COMMAND_FAILED for what BIRD did not say
 */
export async function servedProtocols(directory: string, version: 4 | 6): Promise<readonly BirdProtocolDetail[]> {
  const socketPath = join(directory, 'bgp-status.sock')
  const text = await get(socketPath, '/protocols').catch((cause: unknown) => {
    throw new CalicoError('NOT_FOUND', `Cannot ask ${socketPath}: ${messageOf(cause)}`, { cause })
  })
  const answer = AnswersSchema.parse(JSON.parse(text)).find(({ family }) => family === version)
  if (answer !== undefined && 'protocols' in answer) return answer.protocols
  throw new CalicoError('COMMAND_FAILED', answer?.problem ?? `${socketPath} says nothing about IPv${version}`)
}

function get(socketPath: string, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const asked = request({ socketPath, path, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    response.on('end', () => resolve(text)).on('error', reject)
  })
  asked.on('error', reject).end()
  return promise
}
