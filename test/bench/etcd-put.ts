import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Lab } from '@calico-node/lab'

/**
 * Puts lines "KEY VALUE" into the lab's etcd, one after the other.
 * @returns when each was acknowledged, in milliseconds since the epoch
 */
export function etcdWriter(lab: Lab): (line: string) => Promise<number> {
  const writer = join(import.meta.dirname, 'etcd-writer.ts')
  const [file = '', ...args] = lab.underlay.enter([process.execPath, writer, lab.etcd.endpoint])
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async (line) => {
    child.stdin.write(`${line}\n`)
    const { value, done } = await lines.next()
    if (done === true) throw new Error('the writer ended')
    return Number(value)
  }
}
