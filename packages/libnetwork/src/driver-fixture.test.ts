/** The drivers on a small cluster, for the tests beside this file. There is no Docker to ask. */
import { quietLogger } from '@calico-node/core'
import { CalicoClient, MemoryKvStore, type KvStore } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import { makeResource, parseNodeName } from '@calico-node/model'
import { Addresses } from './addresses.ts'
import type { DriverContext } from './context.ts'
import { DockerApi } from './docker-api.ts'
import { resolveConfig } from './params.ts'

export const NODE = parseNodeName('host1')

export async function makeContext(store: KvStore = new MemoryKvStore()): Promise<DriverContext> {
  const client = new CalicoClient(store)
  await client.resources('Node').ensure(makeResource('Node', { name: NODE }, {}))
  await client
    .resources('IPPool')
    .ensure(makeResource('IPPool', { name: 'small' }, { cidr: '10.0.0.0/29', blockSize: 29 }))
  await client
    .resources('IPPool')
    .ensure(makeResource('IPPool', { name: 'off' }, { cidr: '10.9.0.0/24', disabled: true }))
  return contextOn(client)
}

/** As another process on the same host has it. */
export function contextOn(client: CalicoClient): DriverContext {
  const log = quietLogger
  const ipam = new Ipam({ client, log })
  return {
    client,
    ipam,
    log,
    node: NODE,
    config: resolveConfig({}),
    addresses: new Addresses({ client, ipam, log, node: NODE }),
    docker: new DockerApi('/nonexistent/docker.sock'),
  }
}
