/** The state of this host as files of a folder, without secrets, and the archive made of it. */
import { globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { hasCode, messageOf } from '@calico-node/core'
import { run } from '@calico-node/linux'
import { line, type Block } from '../output/block.ts'
import { hideSecrets } from './secrets.ts'

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
  ['container', ['docker', 'inspect', 'calico-node']],
  ['container-log', ['docker', 'logs', '--tail', '10000', 'calico-node']],
  ...['bird.cfg', 'bird_ipam.cfg', 'bird_aggr.cfg', 'bird6.cfg', 'bird6_ipam.cfg', 'bird6_aggr.cfg'].map(
    (file) => [file, ['docker', 'exec', 'calico-node', 'cat', `/etc/calico/confd/config/${file}`]] as const,
  ),
  ['health', ['docker', 'exec', 'calico-node', 'sh', '-c', 'calico-node -all; sv status "$SVDIR"/*']],
]
const TIMEOUT_MS = 20_000
const ARCHIVE_TIMEOUT_MS = 120_000

export interface HostDiagnostics {
  /** Folder of the node's logs; copied when it is there. */
  readonly logDir: string
  /** Every secret by value: none of them is written. */
  readonly secrets: readonly string[]
  readonly signal: AbortSignal
}

/** Writes the command's output, or what went wrong, so that nothing ends the collection. @returns What went wrong */
async function collect(
  directory: string,
  [file, [program, ...args]]: (typeof COMMANDS)[number],
  { secrets, signal }: HostDiagnostics,
): Promise<string | undefined> {
  try {
    let warnings = ''
    const output = await run(program, args, { timeoutMs: TIMEOUT_MS, signal, onWarning: (text) => (warnings = text) })
    writeFileSync(join(directory, file), hideSecrets(output + warnings, secrets))
    return undefined
  } catch (err) {
    writeFileSync(join(directory, `${file}.failed`), `${hideSecrets(messageOf(err), secrets)}\n`)
    return hasCode(err, 'COMMAND_MISSING') ? undefined : `  ${program}: ${hideSecrets(messageOf(err), secrets)}`
  }
}

/** A file that is no text is left out: nobody could tell what it gives away. */
function copyLogs(from: string, to: string, secrets: readonly string[]): void {
  for (const path of globSync(`${from}/**`)) {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue
    const content = readFileSync(path)
    const target = join(to, relative(from, path))
    mkdirSync(dirname(target), { recursive: true })
    if (content.includes(0)) writeFileSync(`${target}.left-out`, 'This is no text.\n')
    else writeFileSync(target, hideSecrets(content.toString('utf8'), secrets))
  }
}

/**
 * Fills `directory`, which must exist. What fails is noted there and does not end the collection.
 *
 * @returns Lines about what failed, as they come up, each once: what fails for one command often fails for all of a program.
 */
export async function* collectHost(directory: string, options: HostDiagnostics): AsyncGenerator<Block> {
  const told = new Set<string>()
  for (const entry of COMMANDS) {
    const trouble = await collect(directory, entry, options)
    if (trouble !== undefined && !told.has(trouble)) {
      told.add(trouble)
      yield line(trouble)
    }
    options.signal.throwIfAborted()
  }
  copyLogs(options.logDir, join(directory, 'logs'), options.secrets)
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
