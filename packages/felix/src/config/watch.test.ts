import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConfigLayer, environmentLayer, resourceLayer } from './layers.ts'
import { resolveFelixConfig } from './resolve.ts'
import { ConfigWatcher } from './watch.ts'

const stored = (spec: Record<string, unknown>): ConfigLayer => resourceLayer('default', { spec })
const watcher = (local: ConfigLayer[] = [], running: ConfigLayer[] = []): ConfigWatcher =>
  new ConfigWatcher(local, resolveFelixConfig([...local, ...running]).config)

describe('ConfigWatcher', () => {
  test('nothing changes when the same values come again', () => {
    const watch = watcher([], [stored({ maxIpsetSize: 5 })])
    watch.set('global', stored({ maxIpsetSize: 5, unknownField: 1 }))
    assert.deepEqual(watch.check(), { kind: 'none' })
  })

  test('an ordinary parameter needs a restart and is named', () => {
    const watch = watcher()
    watch.set('global', stored({ maxIpsetSize: 5, logSeverityScreen: 'Debug' }))
    assert.deepEqual(watch.check(), { kind: 'restart', changed: ['MaxIpsetSize'] })
  })

  test('a live parameter is applied once, and again when it goes', () => {
    const watch = watcher()
    watch.set('global', stored({ logSeverityScreen: 'Debug' }))
    const first = watch.check()
    assert.equal(first.kind === 'live' && first.config.LogSeverityScreen, 'Debug')
    assert.deepEqual(watch.check(), { kind: 'none' })
    watch.set('global', undefined)
    const second = watch.check()
    assert.equal(second.kind === 'live' && second.config.LogSeverityScreen, 'Info')
  })

  test('the node wins over the cluster, and the environment over both', () => {
    const watch = watcher([environmentLayer({ FELIX_LOGSEVERITYSCREEN: 'Error' })])
    watch.set('global', stored({ logSeverityScreen: 'Debug', reportingInterval: '1s' }))
    watch.set('node', stored({ reportingInterval: '2s' }))
    const change = watch.check()
    assert.ok(change.kind === 'live')
    assert.deepEqual(change.changed, ['ReportingInterval'])
    assert.deepEqual([change.config.LogSeverityScreen, change.config.ReportingInterval], ['Error', 2000])
  })

  test('parameters without effect never cause a restart', () => {
    const watch = watcher()
    watch.set('global', stored({ wireguardEnabled: true, debugPort: 6060 }))
    assert.deepEqual(watch.check(), { kind: 'none' })
  })

  test('a configuration that Felix would not start with is refused', () => {
    const watch = watcher()
    watch.set('global', stored({ chainInsertMode: 'sideways' }))
    const change = watch.check()
    assert.equal(change.kind, 'refused')
    assert.match(change.kind === 'refused' ? change.reason : '', /ChainInsertMode=sideways/)
  })
})
