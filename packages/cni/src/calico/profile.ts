import type { CalicoClient } from '@calico-node/datastore'
import { findResourceName, legacyName, makeResource } from '@calico-node/model'
import type { Attachment } from '../identity.ts'
import type { Session } from '../session.ts'

/** The profiles of an attachment: those of its namespace and service account where Kubernetes policy is on, else the network's own. */
export function profilesOf({ id }: Attachment, { request: { network }, conf, pod }: Session): readonly string[] {
  if (id.orchestrator === 'k8s' && conf.policy.type === 'k8s') {
    const account = pod?.serviceAccount ?? ''
    return [`kns.${id.namespace}`, ...(account === '' ? [] : [`ksa.${id.namespace}.${account}`])]
  }
  return [networkProfile(network)]
}

/** Names of networks may hold letters that names of resources may not. */
export const networkProfile = (network: string): string =>
  findResourceName(network) === undefined ? legacyName(network) : network

/**
 * The profile that makes a network out of the box: its members reach one another and everything else. It carries its own
 * name as a label and lets in whoever has that label. Once it is there it is its owner's; it is never changed here.
 */
export async function ensureNetworkProfile(client: CalicoClient, name: string): Promise<void> {
  const rules = {
    labelsToApply: { [name]: '' },
    ingress: [{ action: 'Allow' as const, source: { selector: `has(${name})` } }],
    egress: [{ action: 'Allow' as const }],
  }
  await client.resources('Profile').ensure(makeResource('Profile', { name }, rules))
}
