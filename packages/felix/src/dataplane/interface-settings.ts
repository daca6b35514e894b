import { CalicoError, hasCode, type Logger } from '@calico-node/core'
import type { Driver, Sysctl } from '@calico-node/linux'
import type { InterfaceSysctl } from './ops.ts'

/**
 * Sysctls of workload interfaces. They belong to the interface, so they go with it and come back as defaults with a new one
 * of the same name: they are written whenever the interface comes up, and checked at each resync.
 */
export class InterfaceSettings implements Driver {
  readonly #sysctl: Sysctl
  readonly #log: Logger
  readonly #wanted = new Map<string, readonly InterfaceSysctl[]>()
  readonly #dirty = new Set<string>()

  constructor(sysctl: Sysctl, log: Logger) {
    this.#sysctl = sysctl
    this.#log = log
  }

  set(name: string, sysctls: readonly InterfaceSysctl[] | undefined): void {
    if (sysctls === undefined) this.#wanted.delete(name)
    else this.#wanted.set(name, sysctls)
    this.#dirty.add(name)
  }

  queueResync(): void {
    for (const name of this.#wanted.keys()) this.#dirty.add(name)
  }

  /** An interface that vanished is no failure. @throws APPLY_FAILED, naming the interfaces */
  async apply(): Promise<void> {
    const errors = new Map<string, unknown>()
    for (const name of this.#dirty) {
      for (const sysctl of this.#wanted.get(name) ?? []) this.#write(name, sysctl, errors)
      if (!errors.has(name)) this.#dirty.delete(name)
    }
    if (errors.size === 0) return
    const interfaces = [...errors.keys()]
    const cause = new AggregateError(errors.values(), `${errors.size} interfaces`)
    throw new CalicoError('APPLY_FAILED', `Cannot configure ${interfaces.join(', ')}`, {
      context: { interfaces },
      cause,
    })
  }

  #write(name: string, { key, value, required }: InterfaceSysctl, errors: Map<string, unknown>): void {
    try {
      this.#sysctl.write(key, value)
    } catch (err) {
      if (hasCode(err, 'NOT_FOUND')) return
      if (required) errors.set(name, err)
      else this.#log.warn('Interface setting could not be written', { interface: name, key, value, err })
    }
  }
}
