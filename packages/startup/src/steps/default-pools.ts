import { existsSync } from 'node:fs'
import { hasCode, type Logger } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { makeResource, parseCidr } from '@calico-node/model'
import type { HostAddress } from '@calico-node/node-address'
import type { StartupConfig } from '../config/resolve.ts'
import { planDefaultPools } from '../plan/default-pools.ts'

/** Creates the default pools of the families that have none. Losing the race against another node is fine. */
export async function ensureDefaultPools(
  client: CalicoClient,
  config: StartupConfig,
  addresses: readonly HostAddress[],
  log: Logger,
): Promise<void> {
  const pools = client.resources('IPPool')
  const existing = (await pools.list()).map(({ spec }) => parseCidr(spec.cidr))
  const wanted = planDefaultPools({
    config,
    existing,
    hostAddresses: addresses.map(({ address }) => address),
    ipv6Available: existsSync('/proc/sys/net/ipv6'),
  })
  for (const { name, spec } of wanted) {
    try {
      await pools.create(makeResource('IPPool', { name }, spec))
      log.info('Created default pool', { pool: name, cidr: spec.cidr })
    } catch (err) {
      if (!hasCode(err, 'ALREADY_EXISTS')) throw err
    }
  }
}
