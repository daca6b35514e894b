/**
 * What can be asked of a node, one row a check. Every check ends by itself within a few seconds and throws nothing: what
 * cannot be asked is not well.
 */
import { statSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { BirdClient } from '@calico-node/birdc'
import { messageOf } from '@calico-node/core'
import { judgeBird, type Verdict } from './judgement.ts'
import { judgeService } from './supervision.ts'
import type { Surroundings } from './surroundings.ts'

type Check = (surroundings: Surroundings) => Promise<Verdict> | Verdict

const HTTP_TIMEOUT_MS = 5000

export const CHECKS = {
  'felix-live': (at) => felix(at, 'liveness'),
  'felix-ready': (at) => felix(at, 'readiness'),
  'confd-live': (at) => judgeService(at.servicesDir, 'confd'),
  'bird-live': (at) => birdLive(at, 'bird'),
  'bird6-live': (at) => birdLive(at, 'bird6'),
  'bird-ready': (at) => birdReady(at, 'bird'),
  'bird6-ready': (at) => birdReady(at, 'bird6'),
  'node-services-live': (at) => judgeService(at.servicesDir, 'node-services'),
  'libnetwork-live': (at) => judgeService(at.servicesDir, 'libnetwork'),
} as const satisfies Readonly<Record<string, Check>>

export type CheckName = keyof typeof CHECKS
export const isCheck = (name: string): name is CheckName => Object.hasOwn(CHECKS, name)
export const CHECK_NAMES: readonly CheckName[] = Object.keys(CHECKS).filter(isCheck)

/** The checks that these services call for. */
export const checksOf = (services: readonly string[]): CheckName[] =>
  CHECK_NAMES.filter((name) => services.includes(name.replace(/-(?:live|ready)$/, '')))

export interface CheckResult extends Verdict {
  readonly name: CheckName
}

/** All at once, in the order of `names`. */
export const runChecks = (names: readonly CheckName[], at: Surroundings): Promise<CheckResult[]> =>
  Promise.all(
    names.map(async (name): Promise<CheckResult> => {
      try {
        return { name, ...(await CHECKS[name](at)) }
      } catch (err) {
        return { name, ok: false, detail: messageOf(err) }
      }
    }),
  )

async function felix(at: Surroundings, path: 'liveness' | 'readiness'): Promise<Verdict> {
  if (at.felixUrl === undefined) return judgeService(at.servicesDir, 'felix')
  const { status, body } = await fetchText(`${at.felixUrl}/${path}`)
  const ok = status >= 200 && status < 400
  return { ok, detail: ok ? `status ${status}` : `status ${status}: ${body.trim()}` }
}

function fetchText(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { timeout: HTTP_TIMEOUT_MS, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${HTTP_TIMEOUT_MS} ms`)))
    request.on('error', (err) => reject(new Error(`Cannot ask ${url}: ${messageOf(err)}`)))
  })
}

const client = ({ birdRunDir }: Surroundings, name: 'bird' | 'bird6'): BirdClient =>
  new BirdClient(join(birdRunDir, `${name}.ctl`))

/** BIRD may hang with its socket open, and is stale without confd. */
async function birdLive(at: Surroundings, name: 'bird' | 'bird6'): Promise<Verdict> {
  for (const service of ['confd', name]) {
    const verdict = judgeService(at.servicesDir, service)
    if (!verdict.ok) return verdict
  }
  const { version } = await client(at, name).status()
  return { ok: true, detail: `BIRD ${version}` }
}

async function birdReady(at: Surroundings, name: 'bird' | 'bird6'): Promise<Verdict> {
  const bird = client(at, name)
  const { gracefulRestart: recovering } = await bird.status()
  const nodeAgeMs = Date.now() - statSync(at.nodenameFile).mtimeMs
  return judgeBird({ protocols: await bird.protocols(), recovering, nodeAgeMs, thresholdMs: at.thresholdMs })
}
