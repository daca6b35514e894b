/**
 * The directory that BIRD reads its configuration from. A daemon's files are written to a staging directory inside it,
 * where their includes resolve as they will in place, judged there as a set, and moved in place as a set: included files
 * first, the main file last, so that a main file that exists has everything it includes.
 *
 * Restart story: nothing is remembered. What is installed is read back, and a stage that was left over is overwritten.
 */
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode, messageOf } from '@calico-node/core'
import { runTool } from '@calico-node/linux'
import type { DaemonManifest } from '../render/manifest.ts'
import type { FileSet } from '../render/render.ts'

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly message: string }

/** Passwords are in there: for root, and for a group if the operator gives the files one. */
const MODE = 0o640

export class ConfigDirectory {
  readonly #directory: string
  readonly #daemon: DaemonManifest
  readonly #stage: string
  constructor(directory: string, daemon: DaemonManifest) {
    this.#directory = directory
    this.#daemon = daemon
    this.#stage = join(directory, `.staged-${daemon.name}`)
  }

  /** What is in place; undefined unless every file is. */
  installed(): FileSet | undefined {
    const files = new Map<string, string>()
    for (const { output } of this.#daemon.files) {
      const text = readIfThere(join(this.#directory, output))
      if (text === undefined) return undefined
      files.set(output, text)
    }
    return files
  }

  /** Stages `files` and has them judged. @throws COMMAND_MISSING or TIMED_OUT when the check itself cannot be made */
  async check(files: FileSet): Promise<Verdict> {
    mkdirSync(this.#stage, { recursive: true, mode: 0o750 })
    for (const [name, text] of files) writeFileSync(join(this.#stage, name), text, { mode: MODE })
    const main = join(this.#stage, [...files.keys()].at(-1) ?? '')
    const [command = '', ...args] = this.#daemon.check.map((word) => word.replaceAll('{file}', main))
    try {
      await runTool(command, args)
      return { ok: true }
    } catch (err) {
      if (!hasCode(err, 'COMMAND_FAILED')) throw err
      return {
        ok: false,
        message: messageOf(err)
          .replaceAll(`${this.#stage}/`, '')
          .replace(/^Cannot run \S+: (\S+: )?/, ''),
      }
    }
  }

  /** Puts `files` in place, whatever was checked before. */
  install(files: FileSet): void {
    mkdirSync(this.#stage, { recursive: true, mode: 0o750 })
    for (const [name, text] of files) {
      const [staged, target] = [join(this.#stage, name), join(this.#directory, name)]
      writeFileSync(staged, text, { mode: statSync(target, { throwIfNoEntry: false })?.mode ?? MODE })
      moveOver(staged, target)
    }
    rmSync(this.#stage, { recursive: true, force: true })
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined
    throw err
  }
}

/** A file that somebody mounted there cannot be replaced, only overwritten. */
function moveOver(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'EBUSY')) throw err
    copyFileSync(from, to)
  }
}

export const sameFiles = (a: FileSet, b: FileSet | undefined): boolean =>
  b !== undefined && a.size === b.size && [...a].every(([name, text]) => b.get(name) === text)
