import type { BirdClient } from '@calico-node/birdc'
import { startBird } from '@calico-node/testkit'
import type { TestHost } from './hosts.ts'

export interface RouterOptions {
  readonly asNumber: number
  /** The node's address that it peers with. */
  readonly neighbor: string
  /** AS number that it expects of the node. Default 64512. */
  readonly neighborAs?: number
  /** Lines of its one BGP session, `node`. */
  readonly session?: string
  /** Lines of its static protocol, whose routes it sends. */
  readonly routes?: string
  /** Statements about each route that it sends. */
  readonly exporting?: string
  /** Lines at top level. */
  readonly global?: string
}

/** Starts BIRD on a host as somebody else's router, with a configuration that is written by hand: it takes everything. */
export async function startRouter(host: TestHost, options: RouterOptions, version: 4 | 6 = 4): Promise<BirdClient> {
  const { asNumber, neighbor, neighborAs = 64_512, session = '', routes = '' } = options
  const { exporting = '', global = '' } = options
  const config = `router id ${host.address[4]};
${global}
protocol device { scan time 2; }
protocol direct { }
protocol kernel { export none; }
protocol static sent {
${routes}
}
protocol bgp node {
  local as ${asNumber};
  neighbor ${neighbor} as ${neighborAs};
  multihop;
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 2;
  import all;
  export filter {
    if proto != "sent" then reject;
    ${exporting}
    accept;
  };
${session}
}
`
  const bird = await startBird({ ipVersion: version, dir: host.directory, config, netns: host.name })
  host.birds.set(version, bird)
  return host.client(version)
}
