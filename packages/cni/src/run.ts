import { add } from './calico/add.ts'
import { check } from './calico/check.ts'
import { del } from './calico/del.ts'
import { collectGarbage } from './calico/gc.ts'
import { checkStatus, unavailable } from './calico/status.ts'
import { parseNetConf } from './config/net-conf.ts'
import { LateLogger } from './config/late-logger.ts'
import { addAddresses, checkAddresses, releaseAddresses } from './ipam/plugin.ts'
import type { Command, Request } from './protocol/request.ts'
import { renderResult, type Result } from './protocol/result.ts'
import { withSession, type Session } from './session.ts'

export type Plugin = 'calico' | 'calico-ipam'

type Verbs = Readonly<Record<Command, (session: Session) => Promise<Result | void>>>

const VERBS: Readonly<Record<Plugin, Verbs>> = {
  calico: { ADD: add, DEL: del, CHECK: check, GC: collectGarbage, STATUS: checkStatus },
  'calico-ipam': {
    ADD: addAddresses,
    DEL: releaseAddresses,
    CHECK: checkAddresses,
    GC: async () => undefined, // the network plugin collects addresses with their endpoints
    STATUS: checkStatus,
  },
}

/** Runs one request. @returns What goes to standard output, if anything. @throws CniError, CalicoError */
export async function runRequest(plugin: Plugin, request: Request): Promise<object | undefined> {
  const conf = parseNetConf(request.config)
  const log = new LateLogger()
  try {
    const result = await withSession({ request, conf, log }, VERBS[plugin][request.command])
    return result === undefined ? undefined : renderResult(result, request.cniVersion)
  } catch (err) {
    log.error('Request failed', { plugin, command: request.command, container: request.containerId, err })
    throw request.command === 'STATUS' ? unavailable(err) : err
  } finally {
    log.flush(conf)
  }
}
