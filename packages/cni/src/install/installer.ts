/**
 * Installs the plugins and their configuration on a host, and keeps the configuration what it should be.
 *
 * The files are compared with their sources again and again rather than watched: mounted secrets are exchanged by links and
 * bind mounts that file watchers lose sight of. A look costs reading a handful of small files. What disappears or is changed
 * on the host is put back; when a source is missing or bad for a while, what was written last stays. Nothing is removed at
 * the end: containers must be taken down even when the installer is gone.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CalicoError, type Logger, messageOf, sleep } from '@calico-node/core'
import { installBinaries, PLUGINS, type Origin } from './binaries.ts'
import { replaceFile } from './files.ts'
import type { InstallConfig } from './params.ts'
import { wantedFiles } from './wanted-files.ts'

export interface InstallOptions {
  readonly origin: Origin
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Returns when the signal is aborted, or at once where SLEEP is off. @throws INVALID; whatever the file system throws */
export async function install(config: InstallConfig, { origin, log, signal }: InstallOptions): Promise<void> {
  const files = wantedFiles(config) // bad input is refused before anything changes
  installPrograms(config, origin, log)
  for (const file of files) if (replaceFile(file)) log.info('File written', { path: file.path })
  if (files.length === 0) log.info('No CNI_NETWORK_CONFIG: the programs only')
  removeOldConfig(config, log)
  if (!config.SLEEP) return
  log.info('Installed, keeping it fresh', { seconds: config.CALICO_CNI_REFRESH_SECONDS })
  let problem: string | undefined
  while (!signal.aborted) {
    await sleep(config.CALICO_CNI_REFRESH_SECONDS * 1000, signal)
    const found = signal.aborted ? problem : refresh(config, log)
    if (found !== undefined && found !== problem) log.warn('Cannot refresh, what is there stays', { reason: found })
    if (found === undefined && problem !== undefined) log.info('Fresh again')
    problem = found
  }
}

/** @returns What went wrong, if anything. */
function refresh(config: InstallConfig, log: Logger): string | undefined {
  try {
    for (const file of wantedFiles(config)) if (replaceFile(file)) log.info('File refreshed', { path: file.path })
    return undefined
  } catch (err) {
    return messageOf(err)
  }
}

function installPrograms(config: InstallConfig, origin: Origin, log: Logger): void {
  const dir = config.CALICO_CNI_BIN_MOUNT
  const left = config.SKIP_CNI_BINARIES.split(',').map((name) => name.trim())
  const stranger = left.find((name) => name !== '' && !PLUGINS.some((plugin) => plugin === name))
  if (stranger !== undefined)
    log.warn('SKIP_CNI_BINARIES names a program that is not installed here', { name: stranger })
  const names = PLUGINS.filter((name) => !left.includes(name)).filter(
    (name) => config.UPDATE_CNI_BINARIES || !existsSync(join(dir, name)),
  )
  if (names.length === 0) return
  try {
    log.info('Programs installed', { dir, changed: installBinaries(origin, dir, names) })
  } catch (cause) {
    throw new CalicoError('APPLY_FAILED', `Cannot install the programs in ${dir}: ${messageOf(cause)}`, { cause })
  }
}

function removeOldConfig(
  { CNI_OLD_CONF_NAME: old, CNI_CONF_NAME, CALICO_CNI_NET_MOUNT }: InstallConfig,
  log: Logger,
): void {
  if (old === undefined || old === CNI_CONF_NAME || !existsSync(join(CALICO_CNI_NET_MOUNT, old))) return
  rmSync(join(CALICO_CNI_NET_MOUNT, old))
  log.info('Old configuration removed', { name: old })
}
