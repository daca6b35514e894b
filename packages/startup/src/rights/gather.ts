import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createSysctl, findSysctlRoot } from '@calico-node/linux'
import { effectiveCapabilities, type Rights } from './rights.ts'

/** As `mkdir -p` would find it: the folder, or the nearest one above that exists. */
function isWritable(path: string): boolean {
  if (!existsSync(path)) return path === dirname(path) ? false : isWritable(dirname(path))
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** What this process may do. @param folders those that it will write into */
export function gatherRights(folders: readonly string[]): Rights {
  return {
    capabilities: effectiveCapabilities(readFileSync('/proc/self/status', 'utf8')),
    sysctlWritable: findSysctlRoot() !== undefined,
    firstFreePort: Number(createSysctl().read('net/ipv4/ip_unprivileged_port_start') ?? 1024),
    readOnly: folders.filter((path) => !isWritable(path)),
  }
}
