/** The state of this host as files of a folder, and the archive made of it. */
import { cpSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode, messageOf } from '@calico-node/core'
import { run } from '@calico-node/linux'
import { line, type Block } from '../output/block.ts'

/** What is asked of the host: file name, then the command. */
const COMMANDS: readonly (readonly [file: string, command: readonly [string, ...string[]]])[] = [
  ['date', ['date']],
  ['hostname', ['hostname']],
  ['uname', ['uname', '-a']],
  ['links', ['ip', '-d', 'link']],
  ['ipv4-addresses', ['ip', '-4', 'addr']],
  ['ipv6-addresses', ['ip', '-6', 'addr']],
  ['ipv4-routes', ['ip', '-4', 'route', 'show', 'table', 'all']],
  ['ipv6-routes', ['ip', '-6', 'route', 'show', 'table', 'all']],
  ['ipv4-rules', ['ip', '-4', 'rule']],
  ['neighbours', ['ip', 'neigh']],
  ['nft-ruleset', ['nft', '-n', '-a', 'list', 'ruleset']],
  ['iptables-legacy-save', ['iptables-legacy-save', '-c']],
  ['iptables-nft-save', ['iptables-nft-save', '-c']],
  ['ip6tables-legacy-save', ['ip6tables-legacy-save', '-c']],
  ['ip6tables-nft-save', ['ip6tables-nft-save', '-c']],
  ['ipset', ['ipset', 'list']],
  ['sockets', ['ss', '-tunap']],
  ['bird-protocols', ['birdc', '-s', '/var/run/calico/bird.ctl', 'show', 'protocols', 'all']],
  ['bird-routes', ['birdc', '-s', '/var/run/calico/bird.ctl', 'show', 'route', 'all']],
  ['bird6-protocols', ['birdc6', '-s', '/var/run/calico/bird6.ctl', 'show', 'protocols', 'all']],
  ['bird6-routes', ['birdc6', '-s', '/var/run/calico/bird6.ctl', 'show', 'route', 'all']],
  ['journal', ['journalctl', '-u', 'calico-node.service', '--no-pager', '-n', '10000']],
  ['container-log', ['docker', 'logs', '--tail', '10000', 'calico-node']],
]
const TIMEOUT_MS = 20_000
const ARCHIVE_TIMEOUT_MS = 120_000

/** The command's output, or what went wrong, so that nothing ends the collection. */
async function collect(
  directory: string,
  [file, [program, ...args]]: (typeof COMMANDS)[number],
): Promise<Block | undefined> {
  try {
    writeFileSync(join(directory, file), await run(program, args, { timeoutMs: TIMEOUT_MS }))
    return undefined
  } catch (err) {
    writeFileSync(join(directory, `${file}.failed`), `${messageOf(err)}\n`)
    return hasCode(err, 'COMMAND_MISSING') ? undefined : line(`  ${program}: ${messageOf(err)}`)
  }
}

export interface HostDiagnostics {
  /** Folder of the node's logs; copied when it is there. */
  readonly logDir: string
  readonly signal: AbortSignal
}

/**
 * Fills `directory`, which must exist. What fails is noted there and does not end the collection.
 *
 * @returns Lines about what failed, as they come up.
 */
export async function* collectHost(directory: string, { logDir, signal }: HostDiagnostics): AsyncGenerator<Block> {
  for (const entry of COMMANDS) {
    const trouble = await collect(directory, entry)
    if (trouble !== undefined) yield trouble
    signal.throwIfAborted()
  }
  if (existsSync(logDir)) cpSync(logDir, join(directory, 'logs'), { recursive: true, dereference: true })
}

/** `20240501_101530`. */
const stamp = (now: Date): string => now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '_')

/**
 * Packs the folder `name` below `parent`, readable by its owner alone.
 *
 * @returns Path of the archive, beside the folder.
 */
export async function packFolder(parent: string, name: string, prefix: string): Promise<string> {
  const archive = join(parent, `${prefix}-${stamp(new Date())}.tar.gz`)
  writeFileSync(archive, '', { mode: 0o600 })
  await run('tar', ['-czf', archive, '-C', parent, name], { timeoutMs: ARCHIVE_TIMEOUT_MS })
  return archive
}
