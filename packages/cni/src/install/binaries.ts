/**
 * The programs on the host: Node, the launcher and the bundle, in a folder named after their content, and beside it the
 * links that runtimes find, which lead there.
 *
 * A folder appears whole, by a rename, and a link changes in one step: whoever starts a plugin meanwhile gets the old one or
 * the new one. The folder that was in use before stays, because a plugin that was started from it may still run; older ones go.
 */
import { createHash } from 'node:crypto'
import { chmodSync, closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync } from 'node:fs'
import { readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { flushFolder } from './files.ts'

/** Where the programs are from. */
export interface Origin {
  /** Folder with `bin/launch` and `dist/`. */
  readonly root: string
  /** The Node executable. */
  readonly node: string
}

export const PLUGINS = ['calico', 'calico-ipam'] as const
export type PluginName = (typeof PLUGINS)[number]

const FOLDER_PREFIX = '.calico-cni-'

/** @returns The links that were made or changed. */
export function installBinaries(origin: Origin, binDir: string, names: readonly PluginName[]): readonly PluginName[] {
  const parts = partsOf(origin)
  const folder = `${FOLDER_PREFIX}${digestOf(parts)}`
  mkdirSync(binDir, { recursive: true })
  if (!existsSync(join(binDir, folder))) {
    const staged = join(binDir, `${FOLDER_PREFIX}staged-${process.pid}`)
    rmSync(staged, { recursive: true, force: true })
    for (const { from, to } of parts) copy(from, join(staged, to))
    for (const name of PLUGINS) symlinkSync('launch', join(staged, 'bin', name))
    renameSync(staged, join(binDir, folder))
  }
  const before = linkTarget(join(binDir, 'calico'))
  const changed = names.filter((name) => link(binDir, name, `${folder}/bin/${name}`))
  flushFolder(binDir)
  const used = [folder, before?.split('/')[0]]
  for (const each of readdirSync(binDir))
    if (each.startsWith(FOLDER_PREFIX) && !used.includes(each)) rmSync(join(binDir, each), { recursive: true })
  return changed
}

interface Part {
  readonly from: string
  readonly to: string
}

const partsOf = ({ root, node }: Origin): readonly Part[] => [
  { from: node, to: 'bin/node' },
  ...['bin/launch', 'dist/cni.cjs'].map((path) => ({ from: join(root, path), to: path })),
]

function digestOf(parts: readonly Part[]): string {
  const hash = createHash('sha256')
  for (const { from, to } of parts) hash.update(`${to}\0`).update(readFileSync(from))
  return hash.digest('hex').slice(0, 16)
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
  chmodSync(to, to.includes('/bin/') ? 0o755 : 0o644)
  const fd = openSync(to, 'r+')
  fsyncSync(fd)
  closeSync(fd)
}

/** @returns Whether the link had to be changed. */
function link(dir: string, name: string, target: string): boolean {
  const path = join(dir, name)
  if (linkTarget(path) === target) return false
  const staged = join(dir, `${FOLDER_PREFIX}link-${process.pid}`)
  rmSync(staged, { force: true })
  symlinkSync(target, staged)
  renameSync(staged, path)
  return true
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined // there is nothing, or a program of somebody else's
  }
}
