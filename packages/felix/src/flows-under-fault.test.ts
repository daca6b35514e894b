import assert from 'node:assert/strict'
import { sleep } from '@calico-node/core'
import { VERSIONS, type Workload } from './dataplane/host-scene.test.ts'

/** Somebody who may talk to a target, and somebody who may not. */
export interface Flows {
  readonly allowed: Workload
  readonly denied: Workload
  readonly target: Workload
}

export interface Harm {
  /** Echoes of the allowed that did not come back. */
  readonly lost: number
  /** Datagrams of the denied that came in. */
  readonly leaked: number
}

const BATCH = 200

/** The allowed pings every 2 ms and the denied sends a datagram a millisecond, over both IP versions, for as long as `work` takes. */
export async function harmDuring({ allowed, denied, target }: Flows, work: () => Promise<unknown>): Promise<Harm> {
  const received = async (): Promise<number> => {
    const counts = await Promise.all(VERSIONS.map(async (version) => target.peer.received(denied.ip[version])))
    return counts.reduce((sum, each) => sum + each, 0)
  }
  const before = await received()
  const stop = new AbortController()
  const pings = VERSIONS.map(async (version) => {
    let lost = 0
    do lost += BATCH - (await allowed.peer.ping(target.ip[version], { count: BATCH, intervalMs: 2 }))
    while (!stop.signal.aborted)
    return lost
  })
  const floods = VERSIONS.map(async (version) => {
    let sent = 0
    do sent += await denied.peer.flood(target.ip[version], 80, 300)
    while (!stop.signal.aborted)
    return sent
  })
  await sleep(100)
  try {
    await work()
  } finally {
    stop.abort()
    await Promise.all(pings)
  }
  for (const sent of await Promise.all(floods)) assert.ok(sent > 10, `only ${sent} datagrams were sent`)
  const lost = (await Promise.all(pings)).reduce((sum, each) => sum + each, 0)
  return { lost, leaked: (await received()) - before }
}
