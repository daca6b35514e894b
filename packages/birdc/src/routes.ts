import { CODE, type Reply } from './reply.ts'

/** One route of `show route`. */
export interface BirdRoute {
  readonly prefix: string
  /** The protocol it came from. */
  readonly from: string
  /** `via 10.0.0.2 on eth0`, `dev eth0`, `blackhole`, `multipath`, `unreachable`, ... as BIRD prints it. */
  readonly target: string
  /** The preferred route of its prefix. */
  readonly primary: boolean
  readonly preference: number
}

const ROUTE = /^(\S*)\s+(.*?) \[(\S+) [^\]]*\] (\*?)\s*\((\d+)(?:\/[^)]*)?\)/

/** Further routes of one prefix are printed without it; they get the prefix of the line they follow. */
export function parseRoutes(replies: readonly Reply[]): readonly BirdRoute[] {
  const routes: BirdRoute[] = []
  let prefix = ''
  for (const { code, text } of replies) {
    const match = code === CODE.route ? ROUTE.exec(text) : null
    if (match === null) continue
    const [, shown = '', target = '', from = '', star, preference] = match
    if (shown !== '') prefix = shown
    routes.push({ prefix, from, target, primary: star === '*', preference: Number(preference) })
  }
  return routes
}
