import type { Logger } from '@calico-node/core'

/** What has been done so far, as the steps that take it back. */
export class UndoStack {
  readonly #log: Logger
  readonly #steps: { readonly what: string; readonly step: () => Promise<unknown> }[] = []
  constructor(log: Logger) {
    this.#log = log
  }

  /** @param what For the log: "Cannot undo: <what>". */
  push(what: string, step: () => Promise<unknown>): void {
    this.#steps.push({ what, step })
  }

  /** Takes everything back, the last first. A step that fails is logged and does not keep the others from running. */
  async unwind(): Promise<void> {
    for (let top = this.#steps.pop(); top !== undefined; top = this.#steps.pop()) {
      try {
        await top.step()
      } catch (err) {
        this.#log.warn('Cannot undo a step', { step: top.what, err })
      }
    }
  }
}

/** Runs `work`; when it throws, everything that it put on the stack is taken back before the error goes on. */
export async function undoneOnFailure<T>(log: Logger, work: (undo: UndoStack) => Promise<T>): Promise<T> {
  const undo = new UndoStack(log)
  try {
    return await work(undo)
  } catch (err) {
    await undo.unwind()
    throw err
  }
}
