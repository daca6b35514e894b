import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCidr } from '@calico-node/model'
import { environmentLayer } from '../../config/layers.ts'
import { resolveFelixConfig } from '../../config/resolve.ts'
import { ruleSettings } from '../../rules/settings.ts'
import { IpSetManager } from './ip-set.ts'
import type { ManagerContext } from './manager.ts'
import { MasqueradeManager, masqueradeOps } from './masquerade.ts'
import { PolicyManager } from './policy.ts'
import { calcRule } from '../../calc/rule-fixture.test.ts'

const context: ManagerContext = {
  versions: [4, 6],
  settings: ruleSettings(resolveFelixConfig([]).config),
  maxSetElements: 1000,
}
const onlyV4: ManagerContext = { ...context, versions: [4] }

describe('IpSetManager', () => {
  test('each IP version gets the members of its own, with and without ports', () => {
    const manager = new IpSetManager(context)
    manager.onMessage({
      kind: 'ipset.update',
      id: 'n:x',
      type: 'hash:ip,port',
      members: ['10.0.0.1,tcp:80', 'fd00::1,tcp:80'],
    })
    manager.onMessage({
      kind: 'ipset.delta',
      id: 's:y',
      added: ['10.0.0.0/24', 'fd00::/64'],
      removed: ['10.1.0.1', 'fd00::2'],
    })
    manager.onMessage({ kind: 'ipset.remove', id: 's:z' })
    const set = { type: 'hash:ip,port' as const, maxElements: 1000 }
    assert.deepEqual(manager.takeOps(), [
      { kind: 'ip-set.set', set: { ...set, name: 'cali40n:x', ipVersion: 4, members: new Set(['10.0.0.1,tcp:80']) } },
      { kind: 'ip-set.set', set: { ...set, name: 'cali60n:x', ipVersion: 6, members: new Set(['fd00::1,tcp:80']) } },
      { kind: 'ip-set.change', ipVersion: 4, name: 'cali40s:y', added: ['10.0.0.0/24'], removed: ['10.1.0.1'] },
      { kind: 'ip-set.change', ipVersion: 6, name: 'cali60s:y', added: ['fd00::/64'], removed: ['fd00::2'] },
      { kind: 'ip-set.remove', ipVersion: 4, name: 'cali40s:z' },
      { kind: 'ip-set.remove', ipVersion: 6, name: 'cali60s:z' },
    ])
    assert.deepEqual(manager.takeOps(), [])
  })
})

describe('PolicyManager', () => {
  const rules = { ingress: [], egress: [] }

  test('only the last word of an owner counts', () => {
    const manager = new PolicyManager(onlyV4)
    manager.onMessage({ kind: 'policy.update', id: 'default/default.p', rules })
    manager.onMessage({ kind: 'policy.remove', id: 'default/default.p' })
    manager.onMessage({ kind: 'profile.update', id: 'p', rules })
    const ops = manager
      .takeOps()
      .filter((op) => 'table' in op && op.table === 'filter')
      .map((op) =>
        op.kind === 'chain.set' ? `set ${op.chain.name}` : op.kind === 'chain.remove' ? `remove ${op.name}` : '',
      )
    assert.deepEqual(ops, [
      'remove cali-pi-default/default.p',
      'remove cali-po-default/default.p',
      'set cali-pri-p',
      'set cali-pro-p',
    ])
  })

  test('chains are offered to every table that may ask them, in both IP versions', () => {
    const manager = new PolicyManager(context)
    const tables = (): string[] =>
      [
        ...new Set(manager.takeOps().flatMap((op) => (op.kind === 'chain.set' ? `${op.table} ${op.ipVersion}` : []))),
      ].toSorted()
    manager.onMessage({ kind: 'profile.update', id: 'p', rules })
    assert.deepEqual(tables(), ['filter 4', 'filter 6', 'mangle 4', 'mangle 6'])
    manager.onMessage({ kind: 'policy.update', id: 'default/default.p', rules })
    assert.deepEqual(tables(), ['filter 4', 'filter 6', 'mangle 4', 'mangle 6', 'raw 4', 'raw 6'])
  })

  test('packets are rejected in the filter table only', () => {
    const config = resolveFelixConfig([environmentLayer({ FELIX_IPTABLESFILTERDENYACTION: 'REJECT' })]).config
    const manager = new PolicyManager({ ...onlyV4, settings: ruleSettings(config) })
    const ingress = [calcRule('deny')]
    manager.onMessage({ kind: 'policy.update', id: 'default/default.p', rules: { ingress, egress: [] } })
    const actions = manager
      .takeOps()
      .flatMap((op) =>
        op.kind === 'chain.set' ? op.chain.rules.map(({ action }) => `${op.table} ${action.kind}`) : [],
      )
    assert.deepEqual(actions, ['raw drop', 'mangle drop', 'filter reject'])
  })
})

describe('MasqueradeManager', () => {
  test('the chain stands from the start, empty', () => {
    const [, , chain] = new MasqueradeManager(onlyV4).takeOps()
    assert.deepEqual(chain, {
      kind: 'chain.set',
      ipVersion: 4,
      table: 'nat',
      chain: { name: 'cali-nat-outgoing', rules: [] },
    })
  })

  test('a pool without natOutgoing is a destination that is not masqueraded', () => {
    const pools = [
      { cidr: parseCidr('10.0.0.0/16'), natOutgoing: true },
      { cidr: parseCidr('10.9.0.1/32'), natOutgoing: false },
    ]
    const [all, masq, chain] = masqueradeOps(pools, onlyV4)
    assert.deepEqual(all?.kind === 'ip-set.set' && [...all.set.members], ['10.0.0.0/16', '10.9.0.1/32'])
    assert.deepEqual(masq?.kind === 'ip-set.set' && [...masq.set.members], ['10.0.0.0/16'])
    assert.deepEqual(chain?.kind === 'chain.set' && chain.chain.rules.length, 1)
  })
})
