import type { Logger } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import type { BlockAffinity, IpamBlock, IpamConfig, IpamHandle } from '@calico-node/model'
import type { Records } from './records.ts'

/** What every operation works with. */
export interface IpamContext {
  readonly client: CalicoClient
  readonly blocks: Records<IpamBlock>
  readonly affinities: Records<BlockAffinity>
  readonly handles: Records<IpamHandle>
  readonly config: Records<IpamConfig>
  readonly log: Logger
  /** The time in Unix nanoseconds. */
  readonly now: () => bigint
  /** Uniform in [0, 1). */
  readonly random: () => number
}
