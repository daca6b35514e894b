import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { CalicoError, messageOf } from '@calico-node/core'
import type { Driver } from '@calico-node/linux'

/** The file that tells plugins how large packets of a workload may be, in bytes, decimal. */
export class WorkloadMtuFile implements Driver {
  readonly #path: string | undefined
  #mtuBytes: number | undefined

  /** @param path Undefined or empty: nobody reads it. */
  constructor(path: string | undefined) {
    this.#path = path === '' ? undefined : path
  }

  /** What is wanted; undefined until it is known. */
  get mtuBytes(): number | undefined {
    return this.#mtuBytes
  }

  set(mtuBytes: number): void {
    this.#mtuBytes = mtuBytes
  }

  queueResync(): void {} // nothing is remembered: every apply looks

  /** @throws APPLY_FAILED */
  async apply(): Promise<void> {
    if (this.#path === undefined || this.#mtuBytes === undefined) return
    try {
      if (readIfPresent(this.#path)?.trim() === String(this.#mtuBytes)) return
      mkdirSync(dirname(this.#path), { recursive: true })
      writeFileSync(this.#path, `${this.#mtuBytes}`)
    } catch (cause) {
      const context = { names: [this.#path] }
      throw new CalicoError('APPLY_FAILED', `Cannot write ${this.#path}: ${messageOf(cause)}`, { context, cause })
    }
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
