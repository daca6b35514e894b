/** `config felix|bgp|node bgp NAME [VALUE|--remove]`: settings by the names of the documents. */
import { CalicoError, nearestName } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { makeResource } from '@calico-node/model'
import { defineCommand, type Command } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, text, type OptionsOf, type OptionTable } from '../../cli/option.ts'
import { localNodeName } from '../../host/node-name.ts'
import { line } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

/** The settings that these commands know, and the field that holds each. */
const FIELDS: Readonly<Record<string, 'logSeverityScreen'>> = { loglevel: 'logSeverityScreen' }
const LEVELS = ['Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'] as const
type Level = (typeof LEVELS)[number]

type ConfigKind = 'FelixConfiguration' | 'BGPConfiguration'

function checkName(name: string): void {
  if (FIELDS[name] !== undefined) return
  const near = nearestName(name, Object.keys(FIELDS))
  const hint = near === undefined ? `known is ${Object.keys(FIELDS).join(', ')}` : `did you mean "${near}"?`
  throw new CalicoError('INVALID', `Unknown setting "${name}": ${hint}; for all others use "calicoctl patch"`)
}

function parseLevel(typed: string): Level {
  const level = LEVELS.find((word) => word.toLowerCase() === typed.toLowerCase())
  if (level !== undefined) return level
  throw new CalicoError('INVALID', `Cannot use log level "${typed}": want ${LEVELS.join(', ')}`)
}

async function readLevel(client: CalicoClient, kind: ConfigKind, name: string): Promise<string | undefined> {
  return (await client.resources(kind).find(name))?.spec.logSeverityScreen
}

async function writeLevel(
  client: CalicoClient,
  kind: ConfigKind,
  name: string,
  level: Level | undefined,
): Promise<void> {
  if (level === undefined && (await readLevel(client, kind, name)) === undefined) return
  if (kind === 'FelixConfiguration') {
    await client.resources(kind).ensure(makeResource(kind, { name }, {}))
    await client.resources(kind).modify(name, undefined, (stored) => {
      const { logSeverityScreen: _old, ...spec } = stored.spec
      return { ...stored, spec: { ...spec, ...(level !== undefined && { logSeverityScreen: level }) } }
    })
    return
  }
  await client.resources(kind).ensure(makeResource(kind, { name }, {}))
  await client.resources(kind).modify(name, undefined, (stored) => {
    const { logSeverityScreen: _old, ...spec } = stored.spec
    return { ...stored, spec: { ...spec, ...(level !== undefined && { logSeverityScreen: level }) } }
  })
}

const common = {
  remove: flag('--remove', 'back to the default'),
  force: flag('--force', 'accepted for old scripts'),
}

function configCommand<O extends OptionTable>(
  path: string,
  kind: ConfigKind,
  more: O,
  nameOf: (context: Context, options: OptionsOf<O>) => string,
): Command {
  return defineCommand({
    args: ['<name>', '[value]'],
    options: { ...common, ...more },
    details: 'The setting that is known is loglevel: trace, debug, info, warning, error or fatal.',
    examples: [
      [`${path} loglevel`, 'the present value'],
      [`${path} loglevel debug`, 'another one'],
      [`${path} loglevel --remove`, 'back to the default'],
    ],
    async run(context, [name, typed], options) {
      const { remove } = options
      checkName(name)
      const resource = nameOf(context, options)
      if (typed === undefined && !remove) {
        return {
          blocks: [line((await readLevel(await context.client(), kind, resource)) ?? 'Info (default)')],
        }
      }
      if (typed !== undefined && remove) throw new CalicoError('INVALID', 'Give a value or --remove, not both')
      const level = typed === undefined ? undefined : parseLevel(typed)
      await writeLevel(await writableClient(context), kind, resource, level)
      return { blocks: [line(level === undefined ? `Setting ${name} removed` : `Setting ${name} is ${level}`)] }
    },
  })
}

export const felixCommand = configCommand('config felix', 'FelixConfiguration', {}, () => 'default')
export const bgpCommand = configCommand('config bgp', 'BGPConfiguration', {}, () => 'default')
export const nodeBgpCommand = configCommand(
  'config node bgp',
  'BGPConfiguration',
  { node: text('--node <node>', 'another node than this host') },
  ({ env }, { node }) => `node.${node ?? localNodeName(env)}`,
)
