import type { CalcMessage } from '../../calc/messages.ts'
import type { DataplaneOp } from '../ops.ts'
import type { Manager } from './manager.ts'

/** Mistakes in the cluster's resources that the graph found: nothing is done about them, but somebody should hear of them. */
export class NoticeManager implements Manager {
  #ops: DataplaneOp[] = []

  onMessage(message: CalcMessage): void {
    if (message.kind === 'notice.update')
      this.#ops.push({ kind: 'problem.set', id: message.id, reason: message.reason })
    else if (message.kind === 'notice.remove')
      this.#ops.push({ kind: 'problem.set', id: message.id, reason: undefined })
  }

  takeOps(): readonly DataplaneOp[] {
    return this.#ops.splice(0)
  }
}
