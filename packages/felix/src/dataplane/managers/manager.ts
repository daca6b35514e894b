import type { IpVersion, LinkEvent } from '@calico-node/linux'
import type { CalcMessage, DataplaneStatusSink } from '../../calc/messages.ts'
import type { RuleSettings } from '../../rules/settings.ts'
import type { DataplaneOp } from '../ops.ts'

/**
 * Turns messages of the calculation graph into ops. Both `on...` methods only remember; the thinking is done by pure
 * functions when the loop asks for the ops. A manager never touches the kernel.
 */
export interface Manager {
  onMessage(message: CalcMessage): void
  onLink?(event: LinkEvent): void
  /** Milliseconds until `takeOps` has something to say although nothing was told; undefined = not by itself. */
  dueInMs?(): number | undefined
  /** What changed since the last call. */
  takeOps(): readonly DataplaneOp[]
  /** A pass over the kernel is done: says what is new about endpoints. */
  onPass?(outcome: PassOutcome, status: DataplaneStatusSink): void
}

/** What the last pass over the kernel achieved. */
export interface PassOutcome {
  /** Interfaces that lack a route or a setting. */
  readonly ailing: ReadonlySet<string>
  /** Policy and routes stand as wanted: an endpoint may be called up. */
  readonly complete: boolean
}

/** What every manager knows from the start. */
export interface ManagerContext {
  /** IPv4 alone, or both. */
  readonly versions: readonly IpVersion[]
  readonly settings: RuleSettings
  /** Largest number of members of one IP set. */
  readonly maxSetElements: number
}
