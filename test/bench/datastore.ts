/** How long a client takes to read a large store, and how much memory it needs for that. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { quietLogger } from '@calico-node/core'
import { openEtcd } from '@calico-node/datastore'
import { makeResource, encodeResource, prepareCreate, resourceKey } from '@calico-node/model'
import { withEtcd } from '@calico-node/testkit'
import type { Bench, Figure } from './figure.ts'

const RESOURCES = 50_000
const READER = fileURLToPath(new URL('datastore-reader.ts', import.meta.url))

export const bench: Bench = {
  name: 'datastore',
  run: () =>
    withEtcd({}, async (etcd) => {
      const [endpoint = ''] = etcd.urls
      const fillMs = await fill(endpoint)
      const [list, sync] = [await read(endpoint, 'list'), await read(endpoint, 'sync')]
      if (list.keys !== RESOURCES || sync.keys !== RESOURCES) throw new Error(`read ${list.keys} and ${sync.keys} keys`)
      const figures: Figure[] = [
        { name: 'puts', value: (RESOURCES / fillMs) * 1000, unit: '1/s', note: '64 at a time' },
        { name: `list of ${RESOURCES} resources`, value: list.ms, unit: 'ms' },
        {
          name: 'memory of the list, peak',
          value: list.peakMB,
          unit: 'MB',
          note: `${Math.round(list.baseMB)} MB before`,
        },
        { name: `sync of ${RESOURCES} resources until in sync`, value: sync.ms, unit: 'ms' },
        {
          name: 'memory of the sync, peak',
          value: sync.peakMB,
          unit: 'MB',
          note: `${Math.round(sync.baseMB)} MB before`,
        },
      ]
      return figures
    }),
}

async function fill(endpoint: string): Promise<number> {
  const store = openEtcd({ endpoints: [endpoint], timeoutMs: 30_000 }, quietLogger)
  const began = performance.now()
  let next = 0
  const writer = async (): Promise<void> => {
    while (next < RESOURCES) {
      const [key, value] = endpointOf(next++)
      await store.put(key, value)
    }
  }
  await Promise.all(Array.from({ length: 64 }, writer))
  store.close()
  return performance.now() - began
}

/** A workload endpoint as an orchestrator writes it, some 700 bytes. */
function endpointOf(i: number): [key: string, value: string] {
  const spec = {
    node: `node-${i % 500}`,
    orchestrator: 'cni',
    containerID: `c${i}`,
    endpoint: 'eth0',
    interfaceName: `cali${i.toString(16)}`,
    mac: '02:00:00:00:00:01',
    ipNetworks: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}/32`],
    profiles: ['net1'],
  }
  const name = `node--${i % 500}-cni-c${i}-eth0`
  const metadata = { name, namespace: 'default', labels: { app: `app-${i % 100}`, tier: `tier-${i % 5}` } }
  const resource = makeResource('WorkloadEndpoint', metadata, spec)
  const born = prepareCreate(resource, { uid: '00000000-0000-4000-8000-000000000000', now: new Date(0) })
  return [resourceKey('WorkloadEndpoint', name, 'default'), encodeResource(born)]
}

interface Reading {
  readonly keys: number
  readonly ms: number
  readonly baseMB: number
  readonly peakMB: number
}

async function read(endpoint: string, mode: 'list' | 'sync'): Promise<Reading> {
  const { stdout } = await promisify(execFile)(process.execPath, [READER, endpoint, '/calico/', mode])
  const { keys, ms, baseMB, peakMB }: Reading = JSON.parse(stdout)
  return { keys, ms, baseMB, peakMB }
}
