/** `node status --all` against a real etcd: what is there, what has expired, and what never was. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import {
  encodeHostReport,
  felixLastReportedStatusKey,
  felixStatusKey,
  hostReportKey,
  makeResource,
} from '@calico-node/model'
import { TestCluster } from './harness.test.ts'

let cluster: TestCluster
before(async () => {
  cluster = await TestCluster.start()
})
after(() => cluster.stop())

const now = (): string => new Date().toISOString()

async function live(node: string, ttlSeconds: number): Promise<void> {
  const { store } = cluster
  const sign = JSON.stringify({ time: now(), uptime: 5, first_update: false })
  await store.put(felixStatusKey(node), sign, { ttlSeconds })
  await store.put(felixLastReportedStatusKey(node), sign)
  const common = { node, time: now(), started: now(), version: '1.2.3', ready: true, mtuBytes: 1450, unlisted: 0 }
  const lists = { failsafe: { inbound: [], outbound: [] }, problems: [{ id: 'p', reason: 'too small', since: now() }] }
  await store.put(hostReportKey(node), encodeHostReport({ ...common, ...lists }))
}

test('node status --all shows every node, and its exit status says the worst', async () => {
  for (const name of ['host1', 'host2']) {
    await cluster.client.resources('Node').create(makeResource('Node', { name }, {}))
    await live(name, 600)
  }
  const well = await cluster.cli('node status --all')
  assert.deepEqual([well.exit, well.stderr], [0, ''])
  assert.match(well.stdout, /^\| host1 \| ready \| \S+ \S+ \| 1\.2\.3   \| - +\| 1450 \| +1 \|$/m)
  assert.match(well.stdout, /^ {2}host1, host2: too small$/m)

  await cluster.client.resources('Node').create(makeResource('Node', { name: 'new' }, {}))
  assert.equal((await cluster.cli('node status --all')).exit, 2)

  await live('host2', 1)
  await waitFor('the sign of life to expire', async () => (await cluster.cli('node status --all')).exit === 1)
  const { nodes } = JSON.parse((await cluster.cli('node status --all -o json')).stdout)
  assert.deepEqual(
    nodes.map(({ node, felix }: Record<string, string>) => [node, felix]),
    [
      ['host1', 'ready'],
      ['host2', 'down'],
      ['new', 'unknown'],
    ],
  )
  await cluster.client.resources('Node').delete('host2')
  assert.match((await cluster.cli('node status --all')).stdout, /^\| host2 \| down /m, 'what it left can be seen')
})
