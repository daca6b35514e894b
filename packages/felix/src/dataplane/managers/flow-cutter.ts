import type { IpVersion, LinkEvent, TrackedFlow, TrackedFlows } from '@calico-node/linux'
import type { Logger } from '@calico-node/core'
import type { Ip } from '@calico-node/model'
import type { CalcMessage } from '../../calc/messages.ts'
import { FlowJudge } from '../../flows/flow-judge.ts'
import type { Flow } from '../../flows/rule-match.ts'
import type { Manager, PassOutcome } from './manager.ts'

export interface FlowCutterOptions {
  readonly flows: TrackedFlows
  readonly versions: readonly IpVersion[]
  readonly log: Logger
}

/**
 * Cuts the established flows of workloads that policy does not allow any more. Established packets are never asked, so
 * without it a flow lives on until it ends by itself. Looks after each pass that changed policy, once the new rules stand,
 * in the background; what changes meanwhile is looked at in the next round.
 */
export class FlowCutter implements Manager {
  readonly #options: FlowCutterOptions
  readonly #judge = new FlowJudge()
  readonly #hostIps = new Map<string, ReadonlySet<Ip>>()
  /** Policy changed; a pass has taken the change; it stands in the kernel. */
  #changed = true
  #taken = false
  #due = false
  #working = false

  constructor(options: FlowCutterOptions) {
    this.#options = options
  }

  onMessage(message: CalcMessage): void {
    if (this.#judge.onMessage(message)) this.#changed = true
  }

  onLink(event: LinkEvent): void {
    if (event.kind === 'addresses') this.#hostIps.set(event.name, event.addresses)
    else if (event.kind === 'link' && event.link === undefined) this.#hostIps.delete(event.name)
  }

  takeOps(): readonly [] {
    this.#taken ||= this.#changed
    this.#changed = false
    return []
  }

  onPass({ complete }: PassOutcome): void {
    if (!complete || !this.#taken) return
    this.#taken = false
    this.#due = true
    if (!this.#working) void this.#work()
  }

  async #work(): Promise<void> {
    const { flows, versions, log } = this.#options
    this.#working = true
    while (this.#due) {
      this.#due = false
      const hostIps = new Set([...this.#hostIps.values()].flatMap((addresses) => [...addresses]))
      for (const version of versions) {
        try {
          const refused = (await flows.list(version)).filter((flow) => this.#judge.refuses(asPolicySees(flow), hostIps))
          if (refused.length === 0) continue
          await flows.cut(refused, version)
          log.info('Cut established flows that policy does not allow', { ipVersion: version, flows: refused.length })
        } catch (err) {
          log.warn('Cannot look for flows that policy does not allow; they go on', { err })
        }
      }
    }
    this.#working = false
  }
}

function asPolicySees({ protocol, source, sourcePort, answerer, answererPort, icmp }: TrackedFlow): Flow {
  return {
    protocol,
    source: { ip: source, ...(sourcePort !== undefined && { port: sourcePort }) },
    destination: { ip: answerer, ...(answererPort !== undefined && { port: answererPort }) },
    ...(icmp !== undefined && { icmp }),
  }
}
