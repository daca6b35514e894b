import { messageOf, sleep } from '@calico-node/core'
import { CNI_CODE, CniError } from '../protocol/error.ts'

const POLL_MS = 5_000
const DEADLINE_MS = 30_000

/** Waits until every URL of `readiness_gates` answers with success. @throws CniError naming one that does not in time */
export async function passGates(urls: readonly string[]): Promise<void> {
  await Promise.all(urls.map(passGate))
}

async function passGate(url: string): Promise<void> {
  const end = performance.now() + DEADLINE_MS
  for (;;) {
    const problem = await problemOf(url)
    if (problem === undefined) return
    if (performance.now() + POLL_MS >= end)
      throw new CniError(CNI_CODE.tryAgainLater, `readiness gate ${url} did not open within 30 s: ${problem}`)
    await sleep(POLL_MS)
  }
}

async function problemOf(url: string): Promise<string | undefined> {
  try {
    const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(POLL_MS) })
    return ok ? undefined : `HTTP status ${status}`
  } catch (err) {
    return err instanceof Error && err.cause instanceof Error ? err.cause.message : messageOf(err)
  }
}
