import { hostname } from 'node:os'
import { type NodeName, parseNodeName } from '@calico-node/model'
import { readIfPresent } from '../cli/context.ts'

/**
 * The name of the node on this host: what its start-up wrote for every component. Before there is such a file:
 * NODENAME, HOSTNAME and the host name, as start-up itself would choose.
 *
 * @throws INVALID when that is no name of a node
 */
export function localNodeName(env: Readonly<Record<string, string | undefined>>): NodeName {
  const file = readIfPresent(env['CALICO_NODENAME_FILE'] ?? '/var/lib/calico/nodename')
  const candidates = [env['NODENAME'], file, env['HOSTNAME'], hostname()]
  const name = candidates.map((text) => text?.trim() ?? '').find((text) => text !== '') ?? ''
  return parseNodeName(name.toLowerCase())
}
