import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { parseNodeName, type NodeName } from '@calico-node/model'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import type { NetConf } from './net-conf.ts'

/** The node that this host is: `nodename`, the file that calico/node writes, `hostname`, or the system's own name. */
export function getNodeName(conf: NetConf): NodeName {
  const { nodename, nodename_file: file, nodename_file_optional: optional } = conf
  if (nodename !== '') return parseNodeName(nodename)
  if (existsSync(file)) return parseNodeName(readFileSync(file, 'utf8').trim())
  if (!optional) {
    const details = 'check that the calico/node container is running and has mounted /var/lib/calico/'
    throw new CniError(CNI_CODE.tryAgainLater, `cannot tell the node's name: ${file} does not exist`, { details })
  }
  return parseNodeName((conf.hostname || hostname()).toLowerCase())
}
