import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CalicoError, hasCode, waitFor } from '@calico-node/core'
import { workloadStatusKey } from '@calico-node/model'
import type { Attachment } from '../identity.ts'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import type { Session } from '../session.ts'

/**
 * Holds the container back until Felix has its policy and routes in place, which Felix says with a file.
 *
 * @throws CniError after `policy_setup_timeout_seconds`, with what Felix reports of the endpoint
 */
export async function waitForPolicy(session: Session, attachment: Attachment): Promise<void> {
  const { policy_setup_timeout_seconds: seconds, endpoint_status_dir: dir } = session.conf
  if (seconds === 0) return
  const file = join(dir, statusFileName(attachment))
  try {
    await waitFor(`Felix to set up ${file}`, () => existsSync(file), { deadlineMs: seconds * 1000, pollMs: 10 })
  } catch (err) {
    if (!hasCode(err, 'TIMED_OUT')) throw err
    throw new CniError(
      CNI_CODE.tryAgainLater,
      `policy was not set up within ${seconds} s: ${await felixSays(session, attachment)}`,
      {
        details:
          'check that calico/node runs on this host ("calicoctl node status") and what Felix logs about the endpoint',
        cause: err,
      },
    )
  }
}

const statusFileName = ({ id: { orchestrator, namespace, workload, endpoint } }: Attachment): string =>
  [orchestrator, `${namespace}/${workload}`, endpoint]
    .map((part) => part.replaceAll('/', '%2F').replaceAll(' ', '%20'))
    .join(' ')

/** The endpoint's status in the datastore, in a sentence. */
async function felixSays({ client, node }: Session, { id }: Attachment): Promise<string> {
  const { orchestrator, namespace, endpoint, workload } = id
  try {
    const kv = await client.store.get(
      workloadStatusKey(node, { orchestrator, workload: `${namespace}/${workload}`, endpoint }),
    )
    return kv === undefined ? 'Felix reports nothing about the endpoint' : `Felix reports ${kv.value}`
  } catch (err) {
    return err instanceof CalicoError ? err.message : String(err)
  }
}
