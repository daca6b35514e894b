import type { IpVersion } from '@calico-node/linux'
import type { CalcMessage } from '../../calc/messages.ts'
import { ipSetName } from '../../rules/names.ts'
import type { DataplaneOp } from '../ops.ts'
import type { Manager, ManagerContext } from './manager.ts'

type IpSetMessage = Extract<CalcMessage, { kind: 'ipset.update' | 'ipset.delta' | 'ipset.remove' }>

/** Selectors and named ports: each set exists once for each IP version, with the members of that version. */
export class IpSetManager implements Manager {
  readonly #context: ManagerContext
  #waiting: IpSetMessage[] = []
  constructor(context: ManagerContext) {
    this.#context = context
  }

  onMessage(message: CalcMessage): void {
    if (message.kind === 'ipset.update' || message.kind === 'ipset.delta' || message.kind === 'ipset.remove') {
      this.#waiting.push(message)
    }
  }

  takeOps(): readonly DataplaneOp[] {
    const messages = this.#waiting
    this.#waiting = []
    return messages.flatMap((message) =>
      this.#context.versions.map((version) => ipSetOp(message, version, this.#context)),
    )
  }
}

export function ipSetOp(
  message: IpSetMessage,
  version: IpVersion,
  { maxSetElements }: Pick<ManagerContext, 'maxSetElements'>,
): DataplaneOp {
  const name = ipSetName(version, message.id)
  const mine = (members: readonly string[]): string[] => members.filter((member) => memberVersion(member) === version)
  switch (message.kind) {
    case 'ipset.update': {
      const members = new Set(mine(message.members))
      return {
        kind: 'ip-set.set',
        set: { name, type: message.type, ipVersion: version, members, maxElements: maxSetElements },
      }
    }
    case 'ipset.delta':
      return {
        kind: 'ip-set.change',
        ipVersion: version,
        name,
        added: mine(message.added),
        removed: mine(message.removed),
      }
    default:
      return { kind: 'ip-set.remove', ipVersion: version, name }
  }
}

/** A member is an address or net, or an address, a comma, and a port that has a colon of its own. */
const memberVersion = (member: string): IpVersion => (member.split(',', 1)[0]?.includes(':') ? 6 : 4)
