export { BirdClient, type BirdClientOptions } from './client.ts'
export { parseConfigure, type ConfigureResult } from './configure.ts'
export { explainSession, isEstablished, mayProbe } from './explain.ts'
export { probePeer, type ProbeOptions, type ProbeResult } from './probe.ts'
export {
  parseProtocolDetails,
  parseProtocols,
  type BgpDetail,
  type BirdProtocol,
  type BirdProtocolDetail,
  type RouteCounts,
} from './protocols.ts'
export { CODE, findError, isError, ReplyParser, type Reply } from './reply.ts'
export { parseRoutes, type BirdRoute } from './routes.ts'
export { parseStatus, type BirdStatus } from './status.ts'
