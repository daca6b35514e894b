import { explainSession, isEstablished, type BirdProtocolDetail } from '@calico-node/birdc'

/** What one BIRD said of its protocols, or why it said nothing. */
export type BirdAnswer =
  | { readonly family: 4 | 6; readonly protocols: readonly BirdProtocolDetail[] }
  | { readonly family: 4 | 6; readonly problem: string }

export interface SessionStatus {
  /** Of BIRD's protocol: `Mesh_10_0_0_2`. */
  readonly name: string
  readonly address?: string
  readonly asNumber?: number
  readonly established: boolean
  readonly state: string
  readonly since: string
  readonly imported: number
  readonly exported: number
  /** How often an established session has ended since this process began. */
  readonly flaps: number
  readonly reason?: string
}

export interface FamilyStatus {
  readonly family: 4 | 6
  readonly running: boolean
  readonly problem?: string
  readonly sessions: readonly SessionStatus[]
}

/** Remembers enough of BIRD's answers to count how often sessions end. Pure but for its memory. */
export class BgpHistory {
  #families: readonly FamilyStatus[] = []
  #answers: readonly BirdAnswer[] = []

  /** BIRD's newest answers as they were. */
  answers(): readonly BirdAnswer[] {
    return this.#answers
  }

  families(): readonly FamilyStatus[] {
    return this.#families
  }

  add(answers: readonly BirdAnswer[]): void {
    this.#answers = answers
    this.#families = answers.map((answer) => this.#familyOf(answer))
  }

  #familyOf(answer: BirdAnswer): FamilyStatus {
    const { family } = answer
    const before = this.#families.find((known) => known.family === family)?.sessions ?? []
    // The counts survive a BIRD that does not answer; its sessions have ended.
    if ('problem' in answer) return { family, running: false, problem: answer.problem, sessions: before.map(ended) }
    const sessions = answer.protocols
      .filter(({ proto, bgp }) => proto === 'BGP' && bgp !== undefined)
      .map((protocol) =>
        sessionOf(
          protocol,
          before.find(({ name }) => name === protocol.name),
        ),
      )
    return { family, running: true, sessions }
  }
}

const ended = (session: SessionStatus): SessionStatus => ({
  ...session,
  established: false,
  state: 'unknown',
  imported: 0,
  exported: 0,
  flaps: session.flaps + (session.established ? 1 : 0),
  reason: 'BIRD does not answer',
})

function sessionOf(protocol: BirdProtocolDetail, before: SessionStatus | undefined): SessionStatus {
  const { name, since, routes, bgp } = protocol
  const established = isEstablished(protocol)
  // Up before and since another time: it has ended in between, whatever it is now.
  const flapped = before?.established === true && (!established || differ(before.since, since))
  const reason = explainSession(protocol)
  return {
    name,
    ...(bgp?.neighborAddress !== undefined && { address: bgp.neighborAddress }),
    ...(bgp?.neighborAs !== undefined && { asNumber: bgp.neighborAs }),
    established,
    state: bgp?.state ?? protocol.state,
    since,
    imported: routes.imported,
    exported: routes.exported,
    flaps: (before?.flaps ?? 0) + (flapped ? 1 : 0),
    ...(reason !== undefined && { reason }),
  }
}

const CLOCK = /^(\d\d):(\d\d):(\d\d)$/

/** Two times of day that are not the same moment; BIRD rounds by a second, and prints a date when a day has passed. */
function differ(before: string, now: string): boolean {
  const [a, b] = [before, now].map((text) => CLOCK.exec(text)?.slice(1).map(Number))
  if (a === undefined || b === undefined) return false
  const seconds = ([hours = 0, minutes = 0, rest = 0]: readonly number[]): number => (hours * 60 + minutes) * 60 + rest
  return Math.abs(seconds(a) - seconds(b)) > 1
}
