import type { CalicoClient } from '@calico-node/datastore'
import { findResourceName, legacyName, makeResource } from '@calico-node/model'
import type { NetConf } from '../config/net-conf.ts'
import type { Attachment } from '../identity.ts'

/** The profiles of an attachment: those of its namespace where Kubernetes policy is on, else the network's own. */
export function profilesOf({ id }: Attachment, network: string, conf: NetConf): readonly string[] {
  if (id.orchestrator === 'k8s' && conf.policy.type === 'k8s') return [`kns.${id.namespace}`]
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
