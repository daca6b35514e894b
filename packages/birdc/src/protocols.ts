import { CODE, type Reply } from './reply.ts'

/** One row of `show protocols`. */
export interface BirdProtocol {
  /** As in the configuration: `Mesh_10_0_0_2`, `kernel1`. */
  readonly name: string
  /** `BGP`, `Kernel`, `Device`, `Direct`, `Static`. */
  readonly proto: string
  readonly table: string
  /** `up`, `start`, `down`, `stop`, ... */
  readonly state: string
  /** BIRD's time of the last change of state: `18:34:53`, or a date when it is older than a day. */
  readonly since: string
  /** For BGP its state and what follows (`Established`, `Connect Socket: No route to host`); else mostly empty. */
  readonly info: string
}

export interface RouteCounts {
  readonly imported: number
  readonly exported: number
  readonly preferred: number
}

/** `show protocols all` of one protocol. What BIRD leaves out in the present state is undefined. */
export interface BirdProtocolDetail extends BirdProtocol {
  readonly routes: RouteCounts
  readonly bgp?: BgpDetail
}

export interface BgpDetail {
  /** `Idle`, `Connect`, `Active`, `Passive`, `OpenSent`, `OpenConfirm`, `Established`, `Close`, `Down`. */
  readonly state: string
  readonly neighborAddress?: string
  readonly neighborAs?: number
  readonly neighborId?: string
  readonly capabilities: readonly string[]
  /** `internal`, `external`, `multihop`, `AS4`, `route-reflector`, ... */
  readonly session: readonly string[]
  readonly sourceAddress?: string
  readonly lastError?: string
}

const ROW = /^(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\S+)\s*(.*)$/

function parseRow(text: string): BirdProtocol | undefined {
  const match = ROW.exec(text)
  if (match === null) return undefined
  const [, name = '', proto = '', table = '', state = '', since = '', info = ''] = match
  return { name, proto, table, state, since, info: info.trim().replace(/\s+/g, ' ') }
}

/** The rows of `show protocols`, in BIRD's order. */
export function parseProtocols(replies: readonly Reply[]): readonly BirdProtocol[] {
  return replies.flatMap(({ code, text }) => {
    const row = code === CODE.protocol ? parseRow(text) : undefined
    return row === undefined ? [] : [row]
  })
}

/** The blocks of `show protocols all`, in BIRD's order. */
export function parseProtocolDetails(replies: readonly Reply[]): readonly BirdProtocolDetail[] {
  const blocks: { row: BirdProtocol; fields: Map<string, string> }[] = []
  for (const { code, text } of replies) {
    const row = code === CODE.protocol ? parseRow(text) : undefined
    if (row !== undefined) blocks.push({ row, fields: new Map() })
    const field = code === CODE.protocolDetail ? /^\s*([^:]+):\s+(.*)$/.exec(text) : null
    if (field !== null) blocks.at(-1)?.fields.set(field[1] ?? '', (field[2] ?? '').trim())
  }
  return blocks.map(({ row, fields }) => ({ ...row, routes: routeCounts(fields), ...bgpDetail(fields) }))
}

type Fields = ReadonlyMap<string, string>

function routeCounts(fields: Fields): RouteCounts {
  const text = fields.get('Routes') ?? ''
  const count = (word: string): number => Number(new RegExp(`(\\d+) ${word}`).exec(text)?.[1] ?? 0)
  return { imported: count('imported'), exported: count('exported'), preferred: count('preferred') }
}

function bgpDetail(fields: Fields): { bgp?: BgpDetail } {
  const state = fields.get('BGP state')
  if (state === undefined) return {}
  const optional = {
    neighborAddress: 'Neighbor address',
    neighborId: 'Neighbor ID',
    sourceAddress: 'Source address',
    lastError: 'Last error',
  } as const
  const present = Object.entries(optional).flatMap(([key, label]) => {
    const value = fields.get(label)
    return value === undefined ? [] : [[key, value]]
  })
  const neighborAs = fields.get('Neighbor AS')
  const words = (label: string): readonly string[] => fields.get(label)?.split(/\s+/) ?? []
  return {
    bgp: {
      state,
      capabilities: words('Neighbor caps'),
      session: words('Session'),
      ...Object.fromEntries(present),
      ...(neighborAs !== undefined && { neighborAs: Number(neighborAs) }),
    },
  }
}
