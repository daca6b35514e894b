/**
 * Gives memory back. Reading the snapshot of a large cluster leaves the heap several times as big as what is kept, and V8 has
 * no reason of its own to shrink it: with 10,000 endpoints that is 80 MB on every node for nothing.
 */
import v8 from 'node:v8'
import vm from 'node:vm'
import type { Logger } from '@calico-node/core'

/** Growth since the last collection that makes another worth its pause (a tenth of a second for a heap of 50 MB). */
const WORTH_BYTES = 32 * 1024 * 1024
const CHECK_MS = 10_000

/** Looks now and then, until the process ends. */
export function keepHeapSmall(log: Logger): void {
  const collect = exposedGc()
  let baseline = 0
  setInterval(() => {
    const before = process.memoryUsage.rss()
    if (before - baseline < WORTH_BYTES) return
    const start = performance.now()
    collect()
    baseline = process.memoryUsage.rss()
    log.debug('Collected garbage', { tookMs: Math.round(performance.now() - start), before, after: baseline })
  }, CHECK_MS).unref()
}

/** V8 hands out its collector to contexts that are made while the flag is set. */
function exposedGc(): () => void {
  v8.setFlagsFromString('--expose-gc')
  const gc: unknown = vm.runInNewContext('gc')
  v8.setFlagsFromString('--no-expose-gc')
  return () => {
    if (typeof gc === 'function') gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  }
}
