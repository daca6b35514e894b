import { addressMonitor } from './address-monitor.ts'
import { bgpStatus } from './bgp/bgp-status.ts'
import { healthServer } from './health/server.ts'
import { shutdownMarker } from './health/shutdown-marker.ts'
import { nodeStatusReporter } from './node-status/reporter.ts'
import type { NodeService } from './services.ts'
import { tunnelAddresses } from './tunnel-addresses.ts'

/** Everything that this process does; a new service is one row more. */
export const SERVICES: readonly NodeService[] = [
  addressMonitor,
  tunnelAddresses,
  healthServer,
  shutdownMarker,
  bgpStatus,
  nodeStatusReporter,
]
