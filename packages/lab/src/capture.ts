import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstChild, isAlive, killQuietly, type Machine } from './machine.ts'
import { patientlyWaitFor } from './patience.ts'

/** Counts the packets of an interface that match a filter. */
export class Capture {
  readonly #log: string
  readonly #pid: number

  private constructor(log: string, pid: number) {
    this.#log = log
    this.#pid = pid
  }

  static async start(machine: Machine, dev: string, filter: string): Promise<Capture> {
    const name = `capture-${process.hrtime.bigint()}.log`
    const pid = machine.spawn(
      ['tcpdump', '-Z', 'root', '-n', '--immediate-mode', '-i', dev, '-w', '/dev/null', filter],
      name,
    )
    const log = join(machine.dir, name)
    await patientlyWaitFor('tcpdump to listen', () => readFileSync(log, 'utf8').includes('listening on'))
    return new Capture(log, pid)
  }

  async stop(): Promise<number> {
    killQuietly(firstChild(this.#pid) ?? this.#pid, 'SIGINT')
    await patientlyWaitFor('tcpdump to end', () => !isAlive(this.#pid))
    return Number(/(\d+) packets captured/.exec(readFileSync(this.#log, 'utf8'))?.[1] ?? Number.NaN)
  }
}
