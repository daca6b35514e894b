/**
 * Becoming BIRD. The launcher does what must happen before and is then replaced by BIRD itself, so the supervisor's signals,
 * its idea of the process and the memory are BIRD's own. What BIRD inherits: SIGPIPE and SIGXFSZ stay ignored, as Node has
 * them. BIRD ignores SIGPIPE anyway; a log service that dies cannot take BIRD with it.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CalicoError, sleep, type Logger } from '@calico-node/core'
import { runTool } from '@calico-node/linux'

/** Where Debian and others put it. Not PATH: a folder of this project's launchers may be on it, and one is called bird. */
const PROGRAM_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin', '/sbin', '/usr/bin', '/usr/local/bin']
/** Kernel routes that a BIRD has written; RTPROT_BIRD. */
const PROTOCOL_BIRD = '12'
const POLL_MS = 100

export interface BirdFiles {
  readonly name: 'bird' | 'bird6'
  readonly ipVersion: 4 | 6
  readonly configFile: string
  readonly socket: string
}

/** @param word `4` or `6`, or the name of the program; the family it stands for */
export function findIpVersion(word: string | undefined): 4 | 6 | undefined {
  if (word === '4' || word === 'bird') return 4
  return word === '6' || word === 'bird6' ? 6 : undefined
}

export function birdFiles(ipVersion: 4 | 6, env: Readonly<Record<string, string | undefined>>): BirdFiles {
  const name = ipVersion === 4 ? 'bird' : 'bird6'
  const configFile = join(env['CALICO_CONFD_CONFIG_DIR'] || '/etc/calico/confd/config', `${name}.cfg`)
  return { name, ipVersion, configFile, socket: join(env['CALICO_BIRD_RUN_DIR'] || '/var/run/calico', `${name}.ctl`) }
}

/**
 * The command line. With `recover` BIRD starts in graceful restart: it holds back its changes of the kernel until its peers
 * have sent their routes. That is right after a restart, and would hold up a fresh node for a peer that is dead.
 */
export const birdArguments = ({ name, configFile, socket }: BirdFiles, recover: boolean): readonly string[] => [
  name,
  '-d',
  '-c',
  configFile,
  '-s',
  socket,
  ...(recover ? ['-R'] : []),
]

/** @throws COMMAND_MISSING */
export function findProgram(name: string): string {
  const path = PROGRAM_DIRECTORIES.map((directory) => join(directory, name)).find((candidate) => existsSync(candidate))
  if (path === undefined) {
    throw new CalicoError(
      'COMMAND_MISSING',
      `Cannot find ${name} in ${PROGRAM_DIRECTORIES.join(', ')}: is the package bird installed?`,
    )
  }
  return path
}

/** confd puts the main file in place last, so the files that it includes are there as well. */
export async function waitForConfiguration(configFile: string, log: Logger): Promise<void> {
  if (existsSync(configFile)) return
  log.info('Waiting for the configuration', { file: configFile })
  while (!existsSync(configFile)) await sleep(POLL_MS)
}

/** Whether an earlier BIRD left routes in the kernel of this network namespace. */
export async function hasBirdRoutes(ipVersion: 4 | 6): Promise<boolean> {
  return (await runTool('ip', ['-N', `-${ipVersion}`, 'route', 'show', 'proto', PROTOCOL_BIRD])).trim() !== ''
}

/** Waits, prepares, and does not return: this process is BIRD afterwards. */
export async function becomeBird(files: BirdFiles, log: Logger): Promise<never> {
  const program = findProgram(files.name)
  await waitForConfiguration(files.configFile, log)
  mkdirSync(join(files.socket, '..'), { recursive: true })
  const recover = await hasBirdRoutes(files.ipVersion)
  log.info('Starting BIRD', { program, gracefulRestart: recover })
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', TZ } = process.env
  process.execve?.(program, birdArguments(files, recover), { PATH, ...(TZ !== undefined && { TZ }) })
  throw new CalicoError('UNSUPPORTED', 'Cannot become BIRD: this Node has no process.execve')
}
