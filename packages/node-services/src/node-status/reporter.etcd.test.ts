// Reports of a real BIRD into a real etcd.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { quietLogger, sleep, waitFor } from '@calico-node/core'
import { CalicoClient, type KvStore, openEtcd, parseConnection } from '@calico-node/datastore'
import { type CalicoNodeStatusStatus, makeResource, parseNodeName, type SpecInput } from '@calico-node/model'
import { requireOwnNamespace, type RunningBird, startBird, TestEtcd } from '@calico-node/testkit'
import { resolveConfig } from '../params.ts'
import { nodeStatusReporter } from './reporter.ts'

requireOwnNamespace()

const BIRD = `router id 10.0.0.1; listen bgp port 1790;
protocol device {}
protocol static static1 { route 192.168.1.0/26 blackhole; }
protocol bgp Mesh_127_0_0_2 { local 127.0.0.1 as 64512; neighbor 127.0.0.2 as 64512; multihop; }
`
let etcd: TestEtcd
let store: KvStore
let client: CalicoClient
let bird: RunningBird
const stop = new AbortController()
let running: Promise<void>

type Spec = SpecInput<'CalicoNodeStatus'>
const ask = (name: string, spec: Spec): Promise<unknown> =>
  client.resources('CalicoNodeStatus').create(makeResource('CalicoNodeStatus', { name }, spec))
/** The report as somebody else reads it. */
async function reportOf(name: string): Promise<CalicoNodeStatusStatus | undefined> {
  const json = await etcd.ctl(
    'get',
    '--print-value-only',
    `/calico/resources/v3/projectcalico.org/caliconodestatuses/${name}`,
  )
  const { status }: { status?: CalicoNodeStatusStatus } = JSON.parse(json)
  return status
}
const reported = (name: string): Promise<CalicoNodeStatusStatus> =>
  waitFor(`a report in ${name}`, async () => {
    const report = await reportOf(name)
    return report?.lastUpdated === undefined || report.lastUpdated === '' ? undefined : report
  })

before(async () => {
  etcd = await TestEtcd.start()
  store = openEtcd(parseConnection({ env: { ETCD_ENDPOINTS: etcd.urls.join(',') } }), quietLogger)
  client = new CalicoClient(store)
  bird = await startBird({ config: BIRD })
  running = nodeStatusReporter.run({
    client,
    node: parseNodeName('here'),
    config: resolveConfig({ CALICO_BIRD_RUN_DIR: bird.dir }),
    log: quietLogger,
    signal: stop.signal,
  })
})
after(async () => {
  stop.abort()
  await running
  await bird.stop()
  store.close()
  await etcd.stop()
  rmSync(bird.dir, { recursive: true, force: true })
})

describe('the reporter of CalicoNodeStatus', () => {
  test('tells what BIRD tells, and that the other one does not run', async () => {
    await ask('all', { node: 'here', classes: ['Agent', 'BGP', 'Routes'], updatePeriodSeconds: 3600 })
    const { agent, bgp, routes } = await reported('all')
    assert.deepEqual(
      [agent?.birdV4?.state, agent?.birdV4?.version, agent?.birdV6?.state],
      ['Ready', '1.6.8', 'NotReady'],
    )
    assert.deepEqual([bgp?.numberEstablishedV4, bgp?.numberNotEstablishedV4], [0, 1])
    assert.equal(bgp?.peersV4?.[0]?.peerIP, '127.0.0.2')
    assert.deepEqual(
      routes?.routesV4?.map(({ destination, type }) => `${destination} ${type}`),
      ['192.168.1.0/26 FIB'],
    )
  })

  test('again in every period, and at once when it is asked for something else', async () => {
    await ask('often', { node: 'here', classes: ['Agent'], updatePeriodSeconds: 1 })
    const first = await reported('often')
    await waitFor('another report', async () => (await reportOf('often'))?.lastUpdated !== first.lastUpdated)
    await client.resources('CalicoNodeStatus').modify('often', undefined, (stored) => ({
      ...stored,
      spec: { ...stored.spec, classes: ['BGP'], updatePeriodSeconds: 3600 },
    }))
    await waitFor('the other class', async () => (await reportOf('often'))?.bgp !== undefined)
  })

  test('its own reports do not make it report', async () => {
    const { lastUpdated } = await reported('all')
    await sleep(1500)
    assert.equal((await reportOf('all'))?.lastUpdated, lastUpdated)
  })

  test('what is for others, switched off or malformed is left alone', async () => {
    await ask('other', { node: 'there', classes: ['Agent'], updatePeriodSeconds: 1 })
    await ask('off', { node: 'here', classes: ['Agent'], updatePeriodSeconds: 0 })
    await etcd.ctl('put', '/calico/resources/v3/projectcalico.org/caliconodestatuses/bad', '{')
    await ask('last', { node: 'here', classes: ['Agent'], updatePeriodSeconds: 3600 })
    await reported('last')
    for (const name of ['other', 'off']) assert.ok(!(await reportOf(name))?.lastUpdated, name)
  })
})
