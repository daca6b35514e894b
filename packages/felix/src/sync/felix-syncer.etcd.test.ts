/** The syncer against a real etcd: what it waits for, what it survives, and what makes it end. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type LogFields, type Logger, quietLogger, waitFor } from '@calico-node/core'
import { type KvStore, openEtcd } from '@calico-node/datastore'
import { parseNodeName } from '@calico-node/model'
import { type TestEtcd, withEtcd } from '@calico-node/testkit'
import { block, node as nodeEntry, Receiver, stored, workload } from '../calc/graph-testing.ts'
import type { CalcMessage } from '../calc/messages.ts'
import { environmentLayer } from '../config/layers.ts'
import type { FelixConfig } from '../config/params.ts'
import { Health } from '../status/health.ts'
import { FelixMetrics } from '../status/metrics.ts'
import { Problems } from '../status/problems.ts'
import { loadFelixConfig } from './bootstrap.ts'
import { runFelixSyncer, type SyncerEnd } from './felix-syncer.ts'
import { CLUSTER_KEY } from './stored-config.ts'

const node = parseNodeName('here')
const FELIX = '/calico/resources/v3/projectcalico.org/felixconfigurations'
const cluster = (ready: boolean | undefined) =>
  JSON.stringify({ metadata: { name: 'default' }, spec: { datastoreReady: ready } })
const felix = (spec: object) => JSON.stringify({ metadata: { name: 'default' }, spec })
const [workloadKey, workloadValue] = workload('a', { ips: ['10.0.0.1'], profiles: ['p'] })
const [profileKey, profileValue] = stored('profiles', 'p', { ingress: [{ action: 'Allow' }] })

const pool = (spec: object): [string, string] => stored('ippools', 'p', { cidr: '10.0.0.0/16', ...spec })

interface Scene {
  readonly etcd: TestEtcd
  readonly store: KvStore
  readonly receiver: Receiver
  readonly batches: CalcMessage[][]
  readonly health: Health
  readonly problems: Problems
  /** `level message key`, from warn up. */
  readonly lines: string[]
  readonly config: FelixConfig
  readonly end: Promise<SyncerEnd>
}

async function withSyncer(
  play: (scene: Scene) => Promise<void>,
  more: readonly [string, string][] = [],
): Promise<void> {
  await withEtcd({}, async (etcd) => {
    const store = openEtcd({ endpoints: etcd.urls, timeoutMs: 3000 }, quietLogger)
    await store.put(CLUSTER_KEY, cluster(true))
    await store.put(workloadKey, workloadValue)
    await store.put(profileKey, profileValue)
    for (const [key, value] of more) await store.put(key, value)
    const stop = new AbortController()
    const [lines, batches]: [string[], CalcMessage[][]] = [[], []]
    const [receiver, health, log] = [new Receiver(), new Health(), recorder(lines)]
    const problems = new Problems({ log: quietLogger })
    const localLayers = [environmentLayer({ FELIX_MAXIPSETSIZE: '1000' })]
    const config = await loadFelixConfig({ store, node, localLayers, problems, log, signal: stop.signal })
    assert.ok(config)
    const deliver = (messages: readonly CalcMessage[]): void => {
      batches.push([...messages])
      receiver.apply(messages)
    }
    const metrics = new FelixMetrics({ node, processMetrics: false })
    const parts = { store, node, config, localLayers, deliver, health, metrics, problems, log }
    const end = runFelixSyncer({ ...parts, signal: stop.signal })
    try {
      await play({ etcd, store, receiver, batches, health, problems, lines, config, end })
    } finally {
      stop.abort()
      await end
      store.close()
    }
  })
}

function recorder(lines: string[]): Logger {
  const note =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push(`${level} ${message}${'key' in fields ? ` ${String(fields['key'])}` : ''}`)
    }
  const logger: Logger = { ...quietLogger, warn: note('warn'), error: note('error'), child: () => logger }
  return logger
}

const ofKey = (lines: readonly string[], key: string): string[] => lines.filter((line) => line.endsWith(key))

describe('runFelixSyncer()', () => {
  test('the first batch says everything, parameters first, and ends with in-sync', async () => {
    await withSyncer(async ({ batches, health, receiver }) => {
      const [first] = await waitFor('the first batch', () => batches.length > 0 && batches)
      assert.deepEqual(
        first?.map(({ kind }) => kind),
        ['config.update', 'profile.update', 'workload.update', 'in-sync'],
      )
      assert.equal(receiver.profiles.get('p')?.ingress[0]?.action, 'allow')
      assert.deepEqual([health.summary().live, health.summary().ready], [true, true])
    })
  })

  test('losing the store changes nothing; what happened meanwhile arrives when it is back', async () => {
    await withSyncer(async ({ etcd, store, batches, receiver, health, problems }) => {
      await waitFor('the first batch', () => batches.length > 0)
      await etcd.member.stop()
      await waitFor('the loss to be noticed', () => health.summary().detail.includes('the datastore is away'))
      assert.deepEqual([batches.length, receiver.workloads.size, health.summary().ready], [1, 1, true])
      assert.match(problems.list()[0]?.reason ?? '', /^The datastore is away, .+ in force: ./)
      await etcd.restart(etcd.member)
      await store.delete(workloadKey)
      await waitFor('the removal', () => receiver.workloads.size === 0)
      assert.deepEqual(problems.list(), [])
    })
  })

  test('blocks are followed while a pool needs routes of ours, and their first list belongs to the snapshot', async () => {
    await withSyncer(async ({ store, batches, receiver }) => {
      await waitFor('the first batch', () => batches.length > 0)
      await store.put(...nodeEntry('here', '192.0.2.1/24'))
      await store.put(...nodeEntry('there', '192.0.2.2/24'))
      await store.put(...block('10.0.0.0/26', 'there'))
      await store.put(...pool({ ipipMode: 'Always' }))
      await waitFor('the route', () => receiver.routes.has('10.0.0.0/26'))
      await store.put(...block('10.0.0.64/26', 'here'))
      await waitFor('the blackhole', () => receiver.routes.has('10.0.0.64/26'))
      await store.put(...pool({}))
      await waitFor('no routes', () => receiver.routes.size === 0)
      await store.delete(block('10.0.0.64/26', 'here')[0])
      await store.put(...pool({ ipipMode: 'Always' }))
      await waitFor('the route again', () => receiver.routes.size === 1)
    })
    await withSyncer(
      async ({ batches }) => {
        const [first] = await waitFor('the first batch', () => batches.length > 0 && batches)
        const kinds = first?.map(({ kind }) => kind) ?? []
        assert.ok(kinds.indexOf('route.update') > 0 && kinds.at(-1) === 'in-sync', kinds.join(' '))
      },
      [nodeEntry('here', '192.0.2.1/24'), block('10.0.0.64/26', 'here'), pool({ ipipMode: 'Always' })],
    )
  })

  test('an invalid value counts as missing, is told once with its key, and again when it is mended', async () => {
    await withSyncer(async ({ store, batches, receiver, lines, problems }) => {
      await waitFor('the first batch', () => batches.length > 0)
      await store.put(profileKey, '{"metadata":{"name":"p"},"spec":{"ingress":[{"action":"Perhaps"}]}}')
      await waitFor('the profile to deny', () => receiver.profiles.get('p')?.ingress[0]?.action === 'deny')
      assert.equal(
        problems.list()[0]?.reason,
        'Profile p is invalid and counts as missing: spec.ingress[0].action = "Perhaps": must be one of Allow, Deny, Log, Pass',
      )
      await store.put(profileKey, '{"metadata":{"name":"p"},"spec":{"ingress":[{"action":"Perhaps"}]}}')
      await store.put(profileKey, profileValue)
      await waitFor('the profile to allow', () => receiver.profiles.get('p')?.ingress[0]?.action === 'allow')
      assert.deepEqual(problems.list(), [])
      assert.deepEqual(ofKey(lines, profileKey), [`warn Resource is invalid and counts as missing ${profileKey}`])
    })
  })

  test('a live parameter is handed on, another one asks for a new start', async () => {
    await withSyncer(async ({ store, batches, end }) => {
      await waitFor('the first batch', () => batches.length > 0)
      await store.put(`${FELIX}/default`, felix({ logSeverityScreen: 'Debug', maxIpsetSize: 5 }))
      const update = await waitFor(
        'the parameters',
        () => batches.flat().filter(({ kind }) => kind === 'config.update')[1],
      )
      assert.ok(update.kind === 'config.update')
      assert.deepEqual(
        [update.config.LogSeverityScreen, update.config.MaxIpsetSize],
        ['Debug', 1000],
        'the environment wins',
      )
      await store.put(`${FELIX}/node.elsewhere`, felix({ ipv6Support: false }))
      await store.put(`${FELIX}/node.here`, felix({ routeRefreshInterval: '5s' }))
      assert.deepEqual(await end, { kind: 'restart', reason: 'parameters changed: RouteRefreshInterval' })
    })
  })

  test('a configuration that cannot be started with is refused', async () => {
    await withSyncer(async ({ store, batches, receiver, lines, problems }) => {
      await waitFor('the first batch', () => batches.length > 0)
      await store.put(`${FELIX}/default`, felix({ defaultEndpointToHostAction: 'Shrug' }))
      await waitFor('the refusal', () => lines.includes('error New parameters are refused, the old ones stay'))
      assert.match(problems.list()[0]?.reason ?? '', /^New parameters are refused: .*DefaultEndpointToHostAction=Shrug/)
      await store.put(`${FELIX}/default`, felix({ logSeverityScreen: 'Loud' }))
      await waitFor('a bad value that is no obstacle', () => problems.list()[0]?.id === 'parameter LogSeverityScreen')
      await store.put(`${FELIX}/default`, felix({ defaultEndpointToHostAction: 'Shrug' }))
      await waitFor('the refusal', () => problems.list()[0]?.id === 'parameters refused')
      await store.delete(workloadKey)
      await waitFor('the next change', () => receiver.workloads.size === 0)
      assert.equal(lines.filter((line) => line.startsWith('error')).length, 2, 'once each time')
    })
  })

  test('a cluster that is no longer ready asks for a new start, without touching anything', async () => {
    await withSyncer(async ({ store, batches, end, receiver }) => {
      await waitFor('the first batch', () => batches.length > 0)
      await store.put(CLUSTER_KEY, cluster(false))
      assert.equal((await end).kind, 'restart')
      assert.equal(receiver.workloads.size, 1)
    })
  })
})

describe('loadFelixConfig()', () => {
  test('waits for the store, the readiness of the cluster and valid parameters, telling of each once', async () => {
    await withEtcd({}, async (etcd) => {
      const store = openEtcd({ endpoints: etcd.urls, timeoutMs: 500 }, quietLogger)
      await store.put(CLUSTER_KEY, cluster(undefined))
      await store.put(`${FELIX}/default`, felix({ chainInsertMode: 'sideways', maxIpsetSize: 'lots' }))
      await etcd.member.stop()
      const reasons: string[] = []
      const warn = (_: string, { err }: LogFields = {}): void =>
        void reasons.push(err instanceof Error ? err.message : 'parameter')
      const problems = new Problems({ log: quietLogger })
      const loading = loadFelixConfig({
        store,
        node,
        localLayers: [],
        problems,
        log: { ...quietLogger, warn },
        signal: AbortSignal.timeout(30_000),
      })
      try {
        await waitFor('word of the store', () => reasons.length === 1)
        await etcd.restart(etcd.member)
        await waitFor('word of the cluster', () => reasons.some((reason) => reason.includes('datastoreReady')))
        await store.put(CLUSTER_KEY, cluster(true))
        await waitFor('word of the parameter', () =>
          reasons.some((reason) => reason.includes('ChainInsertMode=sideways')),
        )
        assert.match(problems.list()[0]?.reason ?? '', /^Felix waits to start: .*ChainInsertMode=sideways/)
        await store.put(`${FELIX}/default`, felix({ maxIpsetSize: 'lots' }))
        assert.equal((await loading)?.MaxIpsetSize, 1_048_576)
        assert.deepEqual(problems.list(), [])
        assert.equal(reasons.filter((reason) => reason.includes('datastoreReady')).length, 1)
        assert.equal(reasons.filter((reason) => reason === 'parameter').length, 1)
      } finally {
        store.close()
      }
    })
  })
})
