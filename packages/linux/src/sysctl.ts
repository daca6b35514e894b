/**
 * Kernel parameters. In a container without full privileges /proc/sys is read-only, and the host's /proc/sys/net is mounted
 * below /host; so the root is the first one that takes writes. Lookups below `net` answer for the network namespace of the
 * caller, whichever mount they go through.
 *
 * Nothing here is remembered: a value is read before it is written, and a value that already stands is never written.
 */
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { CalicoError, messageOf } from '@calico-node/core'
import type { Sysctl } from './ports.ts'

export interface SysctlOptions {
  /** Candidate roots, best first. Default `/proc/sys`, `/host/proc/sys`. */
  readonly roots?: readonly string[]
}

const ROOTS = ['/proc/sys', '/host/proc/sys']
/** Present in every network namespace: shows whether a root takes writes. */
const PROBE_KEY = 'net/ipv4/ip_forward'

export function createSysctl({ roots = ROOTS }: SysctlOptions = {}): Sysctl {
  return new ProcSysctl(findSysctlRoot({ roots }) ?? roots[0] ?? '/proc/sys')
}

/** The root that takes writes; undefined when none does. */
export const findSysctlRoot = ({ roots = ROOTS }: SysctlOptions = {}): string | undefined => roots.find(isWritable)

function isWritable(root: string): boolean {
  try {
    accessSync(`${root}/${PROBE_KEY}`, constants.W_OK)
    return true
  } catch {
    return false
  }
}

class ProcSysctl implements Sysctl {
  readonly #root: string
  constructor(root: string) {
    this.#root = root
  }

  read(key: string): string | undefined {
    try {
      return readFileSync(`${this.#root}/${key}`, 'utf8').trim()
    } catch {
      return undefined
    }
  }

  write(key: string, value: string): void {
    const path = `${this.#root}/${key}`
    if (this.read(key) === value) return
    try {
      writeFileSync(path, value)
    } catch (cause) {
      const gone = isErrno(cause, 'ENOENT', 'ENODEV')
      const code = gone ? 'NOT_FOUND' : 'APPLY_FAILED'
      throw new CalicoError(code, `Cannot set ${path} to ${value}: ${messageOf(cause)}`, {
        context: { key, value },
        cause,
      })
    }
  }
}

const isErrno = (err: unknown, ...codes: string[]): boolean =>
  err instanceof Error && 'code' in err && typeof err.code === 'string' && codes.includes(err.code)
