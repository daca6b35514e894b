import { hasCode } from '@calico-node/core'
import { CNI_CODE, CniError, toCniError } from '../protocol/error.ts'
import { assertReady, type Session } from '../session.ts'
import { ipamMaintain } from './delegate.ts'

/** STATUS: whether an ADD could succeed now. @throws CniError with the code for "not available" */
export async function checkStatus(session: Session): Promise<void> {
  try {
    await assertReady(session.client)
    if ((await session.client.resources('Node').find(session.node)) === undefined) {
      throw new CniError(CNI_CODE.notAvailable, `node ${session.node} is not in the datastore: is calico/node running?`)
    }
    await ipamMaintain(session, 'STATUS')
  } catch (err) {
    throw unavailable(err)
  }
}

/** The same reason under the code that runtimes wait on; without etcd even running containers lose policy updates. */
export function unavailable(err: unknown): CniError {
  const { message, details } = toCniError(err)
  const code = hasCode(err, 'STORE_UNAVAILABLE') ? CNI_CODE.limitedConnectivity : CNI_CODE.notAvailable
  return new CniError(code, message, { details, cause: err })
}
