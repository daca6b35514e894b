import { CNI_CODE, CniError } from './error.ts'
import { isAtLeast, parseCniVersion, type CniVersion } from './version.ts'

/** The verbs, with the first version of the specification that has them. */
const COMMANDS = {
  ADD: '0.1.0',
  DEL: '0.1.0',
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
} as const satisfies Record<string, CniVersion>
export type Command = keyof typeof COMMANDS

/** What a runtime asks for. ADD and CHECK always have `netns`; GC and STATUS have neither container nor interface. */
export interface Request {
  readonly command: Command
  readonly cniVersion: CniVersion
  readonly containerId: string
  /** Path of the container's network namespace. */
  readonly netns: string | undefined
  readonly ifname: string
  /** CNI_ARGS. */
  readonly args: ReadonlyMap<string, string>
  /** Where to look for other plugins. */
  readonly path: readonly string[]
  /** Name of the network. */
  readonly network: string
  /** The whole configuration as it came. */
  readonly stdin: string
  readonly config: Readonly<Record<string, unknown>>
}

type Env = Readonly<Record<string, string | undefined>>

/** @throws CniError naming the variable or the field, and what it must be */
export function parseRequest(env: Env, stdin: string): Request {
  const command = parseCommand(env['CNI_COMMAND'])
  const config = parseConfig(stdin)
  const cniVersion = parseCniVersion(textOf(config, 'cniVersion'))
  if (!isAtLeast(cniVersion, COMMANDS[command])) {
    const details = `${command} needs ${COMMANDS[command]} or later, config is ${cniVersion}`
    throw new CniError(CNI_CODE.incompatibleVersion, `config version does not allow ${command}`, { details })
  }
  const network = textOf(config, 'name') ?? ''
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(network)) {
    throw new CniError(CNI_CODE.invalidConfig, `invalid network name "${network}"`, {
      details: 'want letters, digits, "_", "." and "-", beginning with a letter or a digit',
    })
  }
  const ofContainer = command !== 'GC' && command !== 'STATUS'
  return {
    command,
    cniVersion,
    network,
    stdin,
    config,
    containerId: ofContainer ? required(env, 'CNI_CONTAINERID', CONTAINER_ID) : '',
    ifname: ofContainer ? required(env, 'CNI_IFNAME', IFNAME) : '',
    netns: command === 'ADD' || command === 'CHECK' ? required(env, 'CNI_NETNS', /./) : nonEmpty(env['CNI_NETNS']),
    args: parseArgs(env['CNI_ARGS'] ?? ''),
    path: (env['CNI_PATH'] ?? '').split(':').filter((dir) => dir !== ''),
  }
}

const CONTAINER_ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/
const IFNAME = /^(?!\.\.?$)[^/:\s]{1,15}$/

const isCommand = (text: string): text is Command => Object.hasOwn(COMMANDS, text)

function parseCommand(text = ''): Command {
  if (isCommand(text)) return text
  throw new CniError(
    CNI_CODE.invalidEnvironment,
    text === '' ? 'CNI_COMMAND is missing' : `unknown CNI_COMMAND: ${text}`,
  )
}

function required(env: Env, name: string, pattern: RegExp): string {
  const value = env[name] ?? ''
  if (pattern.test(value)) return value
  const what = value === '' ? 'is missing' : `is invalid: "${value}"`
  throw new CniError(CNI_CODE.invalidEnvironment, `${name} ${what}`)
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/** `KEY=VALUE` pairs with `;` between them. */
export function parseArgs(text: string): ReadonlyMap<string, string> {
  const args = new Map<string, string>()
  for (const pair of text.split(';').filter((each) => each !== '')) {
    const at = pair.indexOf('=')
    if (at <= 0) throw new CniError(CNI_CODE.invalidEnvironment, `CNI_ARGS is invalid: "${pair}" is not KEY=VALUE`)
    args.set(pair.slice(0, at), pair.slice(at + 1))
  }
  return args
}

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parseConfig(stdin: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(stdin)
  } catch (cause) {
    throw new CniError(CNI_CODE.decoding, 'error parsing the network configuration: it is not JSON', { cause })
  }
  if (isObject(value)) return value
  throw new CniError(CNI_CODE.decoding, 'error parsing the network configuration: it is not an object')
}

function textOf(config: JsonObject, field: string): string | undefined {
  const value = config[field]
  if (value === undefined || typeof value === 'string') return value
  throw new CniError(CNI_CODE.decoding, `error parsing the network configuration: ${field} is not text`)
}
