import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { CalicoError, messageOf } from '@calico-node/core'
import { type NodeName, parseNodeName } from '@calico-node/model'

export interface NodeNameSources {
  /** The parameter FelixHostname. */
  readonly parameter: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The name of this node: FelixHostname, else what start-up left in the node-name file (CALICO_NODENAME_FILE, default
 * /var/lib/calico/nodename), else NODENAME, else the host name; in lower case. Blank counts as absent.
 *
 * @throws INVALID when the winner is no node name
 */
export function findOwnNodeName({ parameter, env }: NodeNameSources): NodeName {
  const file = readIfPresent(env['CALICO_NODENAME_FILE'] ?? '/var/lib/calico/nodename')
  const text =
    [parameter, file, env['NODENAME'], hostname()].map((value) => value?.trim() ?? '').find((value) => value !== '') ??
    ''
  try {
    return parseNodeName(text.toLowerCase())
  } catch (cause) {
    throw new CalicoError('INVALID', `Cannot use "${text}" as the name of this node: ${messageOf(cause)}`, { cause })
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
