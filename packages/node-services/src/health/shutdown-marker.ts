/**
 * The file that tells since when this node is down on purpose: `calico-node -shutdown` writes it before a reboot or a longer
 * stop, and it goes away when everything on the node is well again.
 */
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { CalicoError, messageOf, sleep } from '@calico-node/core'
import type { NodeService } from '../services.ts'
import { checksOf, runChecks } from './checks.ts'
import { listServices, surroundingsOf } from './surroundings.ts'

const POLL_MS = 2000

type Env = Readonly<Record<string, string | undefined>>
const markerFile = (env: Env): string => env['CALICO_SHUTDOWN_TIMESTAMP_FILE'] || '/var/lib/calico/shutdownTS'

/** Leaves the time, as `2026-01-31T10:20:30Z`. @throws COMMAND_FAILED when the file cannot be written */
export function markShutdown(env: Env, now: Date): void {
  const path = markerFile(env)
  try {
    writeFileSync(path, `${now.toISOString().slice(0, 19)}Z`)
  } catch (cause) {
    throw new CalicoError('COMMAND_FAILED', `Cannot write ${path}: ${messageOf(cause)}`, { cause })
  }
}

export const shutdownMarker: NodeService = {
  name: 'shutdown-marker',
  summary: 'removes the mark of a planned shutdown once this node is well again',
  async run({ log, signal }) {
    const path = markerFile(process.env)
    const at = surroundingsOf(process.env)
    while (!signal.aborted && existsSync(path)) {
      const results = await runChecks(checksOf(listServices(at)), at)
      if (results.every(({ ok }) => ok)) {
        log.info('This node is back', { downSince: readFileSync(path, 'utf8') })
        rmSync(path, { force: true })
      } else await sleep(POLL_MS, signal)
    }
    if (!signal.aborted) await once(signal, 'abort')
  },
}
