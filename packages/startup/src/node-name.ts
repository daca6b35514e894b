import { CalicoError, messageOf } from '@calico-node/core'
import { type NodeName, parseNodeName } from '@calico-node/model'

export interface NodeNameSources {
  /** The variable NODENAME. */
  readonly nodename: string | undefined
  /** Content of the node-name file, undefined when there is none. */
  readonly file: string | undefined
  /** The variable HOSTNAME. */
  readonly hostnameVariable: string | undefined
  /** The kernel's host name. */
  readonly hostName: string
}

export interface NodeNameChoice {
  readonly name: NodeName
  readonly source: 'NODENAME' | 'the node-name file' | 'HOSTNAME' | 'the host name'
}

/**
 * The name of this node: NODENAME, else the node-name file, else HOSTNAME, else the host name. A blank value counts as
 * absent. Names are lower case everywhere in Calico, so upper case is folded here, once, for all components.
 *
 * @throws INVALID when the winning value is no node name
 */
export function resolveNodeName(sources: NodeNameSources): NodeNameChoice {
  const ranked = [
    ['NODENAME', sources.nodename],
    ['the node-name file', sources.file],
    ['HOSTNAME', sources.hostnameVariable],
    ['the host name', sources.hostName],
  ] as const
  for (const [source, value] of ranked) {
    const text = value?.trim() ?? ''
    if (text === '') continue
    try {
      return { name: parseNodeName(text.toLowerCase()), source }
    } catch (err) {
      throw new CalicoError('INVALID', `Cannot use ${source} "${text}" as the name of this node: ${messageOf(err)}`, {
        context: { text, source },
        cause: err,
      })
    }
  }
  throw new CalicoError('INVALID', 'Cannot name this node: NODENAME, HOSTNAME and the host name are all empty')
}
