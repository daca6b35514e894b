import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Problem } from './model/facts.ts'

/** How one daemon stands: it runs its configuration, is not there to read it, has none yet, or did not take it. */
export type DaemonState = 'running' | 'waiting' | 'not-rendered' | 'failed'

export interface ConfdStatus {
  readonly node: string
  /** A reflector runs no Felix. */
  readonly role: 'node' | 'reflector'
  readonly daemons: Readonly<Record<string, DaemonState>>
  /** Resources that are left out, wholly or in part, and why. */
  readonly problems: readonly Problem[]
}

/**
 * What confd knows that BIRD does not, as JSON in a file, for `calicoctl node status` and for people. It is replaced as a
 * whole whenever something in it changes, and holds no secret.
 */
export class StatusFile {
  readonly #path: string
  #written = ''
  constructor(path: string) {
    this.#path = path
  }

  write(status: ConfdStatus): void {
    const text = `${JSON.stringify(status, null, 2)}\n`
    if (text === this.#written) return
    mkdirSync(dirname(this.#path), { recursive: true })
    writeFileSync(`${this.#path}.new`, text)
    renameSync(`${this.#path}.new`, this.#path)
    this.#written = text
  }
}
