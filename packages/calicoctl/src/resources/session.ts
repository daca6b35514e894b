import { CalicoError } from '@calico-node/core'
import { initialise, type CalicoClient } from '@calico-node/datastore'
import type { Context } from '../cli/context.ts'

/** The first version of Calico that stores policies under other names than we write. */
const FIRST_UNKNOWN: readonly [major: number, minor: number] = [3, 32]

/**
 * Whether our writes would be misread by a cluster of that version. Reads always work, and so do writes up to 3.31;
 * from 3.32 on policies are stored under other names.
 */
export function isIncompatible(calicoVersion: string | undefined): boolean {
  const match = /^v?(\d+)\.(\d+)/.exec(calicoVersion ?? '')
  if (match === null) return false
  const [major, minor] = [Number(match[1]), Number(match[2])]
  return major > FIRST_UNKNOWN[0] || (major === FIRST_UNKNOWN[0] && minor >= FIRST_UNKNOWN[1])
}

/**
 * A client for commands that write. An empty datastore is initialised first.
 *
 * @throws UNSUPPORTED for a cluster whose data we would damage, unless that is allowed
 */
export async function writableClient(context: Context): Promise<CalicoClient> {
  const client = await context.client()
  const cluster = await client.resources('ClusterInformation').find('default')
  const version = cluster?.spec.calicoVersion
  if (!context.allowVersionMismatch && isIncompatible(version)) {
    throw new CalicoError(
      'UNSUPPORTED',
      `This cluster was set up by Calico ${version ?? ''}, which stores policies under other names than this program writes. ` +
        'Use --allow-version-mismatch to write all the same',
    )
  }
  if (cluster?.spec.datastoreReady === undefined) await initialise(client)
  return client
}
