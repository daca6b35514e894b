import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { openEtcd } from '@calico-node/datastore'
import { felixLastReportedStatusKey, felixStatusKey, parseNodeName } from '@calico-node/model'
import { withEtcd } from '@calico-node/testkit'
import { environmentLayer } from '../config/layers.ts'
import { resolveFelixConfig } from '../config/resolve.ts'
import { ProcessStatus } from './process-status.ts'

const node = parseNodeName('here')
const configOf = (vars: Record<string, string>) => resolveFelixConfig([environmentLayer(vars)]).config

describe('ProcessStatus', () => {
  test('writes a status that expires with Felix, and one that stays', async () => {
    await withEtcd({}, async (etcd) => {
      const store = openEtcd({ endpoints: etcd.urls }, quietLogger)
      const config = configOf({ FELIX_REPORTINGINTERVALSECS: '0.3', FELIX_REPORTINGTTLSECS: '2' })
      const status = new ProcessStatus({ store, node, config, log: quietLogger, firstDelayMs: 0 })
      const stop = new AbortController()
      const running = status.run(stop.signal)
      const read = async (key: string) => JSON.parse((await store.get(key))?.value ?? 'null')
      try {
        const first = await waitFor('a status', async () => (await read(felixStatusKey(node))) ?? undefined)
        assert.match(first.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        assert.deepEqual([typeof first.uptime, first.first_update], ['number', true])
        await waitFor('a second status', async () => (await read(felixStatusKey(node)))?.first_update === false)
        stop.abort()
        await running
        await waitFor('expiry', async () => (await store.get(felixStatusKey(node))) === undefined)
        assert.equal((await read(felixLastReportedStatusKey(node))).first_update, false)
      } finally {
        stop.abort()
        store.close()
      }
    })
  })

  test('a new interval counts at once, and 0 is silence', async () => {
    await withEtcd({}, async (etcd) => {
      const store = openEtcd({ endpoints: etcd.urls }, quietLogger)
      const status = new ProcessStatus({
        store,
        node,
        config: configOf({ FELIX_REPORTINGINTERVALSECS: '0' }),
        log: quietLogger,
        firstDelayMs: 0,
      })
      const stop = new AbortController()
      const running = status.run(stop.signal)
      try {
        assert.equal(await store.get(felixStatusKey(node)), undefined)
        status.setConfig(configOf({ FELIX_REPORTINGINTERVALSECS: '3600' }))
        await waitFor('a status', async () => (await store.get(felixStatusKey(node))) !== undefined)
      } finally {
        stop.abort()
        await running
        store.close()
      }
    })
  })
})
