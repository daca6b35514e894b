import { hasCode } from '@calico-node/core'
import { CNI_CODE, CniError, toCniError } from '../protocol/error.ts'
import { assertReady, type Session } from '../session.ts'
import { ipamMaintain } from './delegate.ts'

/** STATUS: whether an ADD could succeed now. @throws CniError, or whatever the datastore throws */
export async function checkStatus(session: Session): Promise<void> {
  await assertReady(session.client)
  if ((await session.client.resources('Node').find(session.node)) === undefined) {
    throw new CniError(CNI_CODE.notAvailable, `node ${session.node} is not in the datastore: is calico/node running?`)
  }
  await ipamMaintain(session, 'STATUS')
}

/** The same reason under the code that runtimes wait on; without etcd even running containers lose policy updates. */
export function unavailable(err: unknown): CniError {
  const { message, details } = toCniError(err)
  const code = hasCode(err, 'STORE_UNAVAILABLE') ? CNI_CODE.limitedConnectivity : CNI_CODE.notAvailable
  return new CniError(code, message, { details, cause: err })
}
