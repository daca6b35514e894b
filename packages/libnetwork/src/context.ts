import type { WorkloadContext } from '@calico-node/workload'
import type { NodeName } from '@calico-node/model'
import type { Addresses } from './addresses.ts'
import type { DockerApi } from './docker-api.ts'
import type { LibnetworkConfig } from './params.ts'

/** What the drivers work with. */
export interface DriverContext extends WorkloadContext {
  readonly node: NodeName
  readonly addresses: Addresses
  readonly docker: DockerApi
  readonly config: LibnetworkConfig
}
