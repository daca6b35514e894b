import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstChild, isAlive, killQuietly } from './machine.ts'
import type { Workload } from './workload.ts'
import { patientlyWaitFor } from './patience.ts'

export interface TrafficResult {
  readonly sent: number
  readonly answered: number
}

/**
 * Echo requests at a fixed pace from one workload to an address, answered by the kernel of the other side, counted by ping.
 * The pace is one packet every `intervalMs`, 2 ms by default.
 */
export class Traffic {
  readonly #log: string
  readonly #pid: number

  constructor(from: Workload, address: string, intervalMs = 2) {
    const name = `traffic-${from.name}-${address.replaceAll(':', '_')}-${process.hrtime.bigint()}.log`
    this.#log = join(from.host.machine.dir, name)
    const ping = ['ping', '-n', '-q', '-i', String(intervalMs / 1000), '-W', '1', address]
    this.#pid = from.host.machine.spawn(['ip', 'netns', 'exec', from.name, ...ping], name)
  }

  /** Ends the traffic and returns what was counted; requests of the last second may still be answered. */
  async stop(): Promise<TrafficResult> {
    killQuietly(firstChild(this.#pid) ?? this.#pid, 'SIGINT')
    await patientlyWaitFor('ping to end', () => !isAlive(this.#pid))
    const summary = /(\d+) packets transmitted, (\d+) received/.exec(readFileSync(this.#log, 'utf8'))
    if (summary === null) throw new Error(`ping said: ${readFileSync(this.#log, 'utf8')}`)
    return { sent: Number(summary[1]), answered: Number(summary[2]) }
  }
}
