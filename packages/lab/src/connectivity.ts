import type { Workload } from './workload.ts'
import { patientlyWaitFor } from './patience.ts'

export interface Pair {
  readonly from: Workload
  readonly to: Workload
  readonly version?: 4 | 6
}

const describe = ({ from, to, version = 4 }: Pair): string => `${from.name} -> ${to.name} (IPv${version})`

/** Waits until each pair can ping. @throws TIMED_OUT naming the first pair that cannot */
export async function expectReachable(pairs: readonly Pair[], deadlineMs = 15_000): Promise<void> {
  for (const pair of pairs) {
    await patientlyWaitFor(`ping ${describe(pair)}`, async () => pair.from.pings(await pair.to.address(pair.version)), {
      deadlineMs,
    })
  }
}

/**
 * Waits until no pair can ping, then makes sure that it stays so: `probes` further attempts each are all lost.
 * @throws Error naming the pair that got through
 */
export async function expectBlocked(pairs: readonly Pair[], probes = 3, deadlineMs = 15_000): Promise<void> {
  for (const pair of pairs) {
    const address = await pair.to.address(pair.version)
    await patientlyWaitFor(`ping ${describe(pair)} to be dropped`, async () => !(await pair.from.pings(address, 500)), {
      deadlineMs,
    })
    const answers = await Promise.all(Array.from({ length: probes }, async () => pair.from.pings(address, 500)))
    if (answers.includes(true)) throw new Error(`${describe(pair)} got through although it must be dropped`)
  }
}
