export { BirdClient, type BirdClientOptions } from './client.ts'
export { parseConfigure, type ConfigureResult } from './configure.ts'
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
