import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import type { Link } from '@calico-node/linux'
import { parseCidr, parseInterfaceName, parseMac } from '@calico-node/model'
import { type WorkloadEndpoint, workloadKey } from '../../calc/messages.ts'
import { resolveFelixConfig } from '../../config/resolve.ts'
import { ruleSettings } from '../../rules/settings.ts'
import type { DataplaneOp } from '../ops.ts'
import { EndpointManager } from './endpoint.ts'
import type { PassOutcome } from './manager.ts'
import type { WorkloadContext } from './workload-plan.ts'

const context: WorkloadContext = {
  versions: [4, 6],
  settings: ruleSettings(resolveFelixConfig([]).config),
  maxSetElements: 1000,
  routes: { enabled: true, protocol: 3, source: {}, floatingIps: true },
  reversePathFilter: '1',
}

const endpoint = (
  name: string,
  interfaceName: string,
  nets: readonly string[] = ['10.0.0.1/32', 'fd00::1/128'],
): WorkloadEndpoint => ({
  id: { orchestrator: 'cni', workload: `ns/${name}`, endpoint: 'eth0' },
  interfaceName: parseInterfaceName(interfaceName),
  mac: parseMac('ee:00:00:00:00:01'),
  nets: nets.map(parseCidr),
  tiers: [],
  profiles: ['open'],
})
const link = (name: string, operUp: boolean): { kind: 'link'; name: string; link: Link } => ({
  kind: 'link',
  name,
  link: { name, index: 7, operUp, mtuBytes: 1500 },
})

/** A manager, and short words for what happens to it. */
class Scene {
  readonly manager = new EndpointManager(context, quietLogger)
  update(value: WorkloadEndpoint): this {
    this.manager.onMessage({ kind: 'workload.update', endpoint: value })
    return this
  }
  remove(value: WorkloadEndpoint): this {
    this.manager.onMessage({ kind: 'workload.remove', id: value.id })
    return this
  }
  up(name: string): this {
    this.manager.onLink(link(name, true))
    return this
  }
  down(name: string): this {
    this.manager.onLink(link(name, false))
    return this
  }
  gone(name: string): this {
    this.manager.onLink({ kind: 'link', name, link: undefined })
    return this
  }
  ops(): string[] {
    return this.manager.takeOps().map(opText)
  }
  said(outcome: Partial<PassOutcome> = {}): Record<string, string | undefined> {
    const changes = this.manager.takeStatusChanges({ complete: true, ailing: new Set(), ...outcome })
    return Object.fromEntries(changes.map(({ id, state }) => [workloadKey(id).split('/')[1]?.split(' ')[0], state]))
  }
}

/** Chains of workloads by the direction, without the hash. */
const short = (name: string): string => name.replace(/^(cali-[tf]w-_).*/, '$1')

/** One line an op; IPv6 twins of rule ops are left out by `v4`. */
function opText(op: DataplaneOp): string {
  switch (op.kind) {
    case 'chain.set':
      return `v${op.ipVersion} ${short(op.chain.name)} has ${op.chain.rules.length} rules`
    case 'chain.remove':
      return `v${op.ipVersion} ${short(op.name)} goes`
    case 'routes.set':
      return `v${op.ipVersion} routes of ${op.owner}: ${op.routes.map(({ dst, dev, metric }) => `${dst} dev ${dev}${metric === undefined ? '' : ` metric ${metric}`}`).join(', ')}`
    case 'neighbours.set':
      return `neighbours of ${op.owner}: ${op.entries.map(({ ip, mac }) => `${ip} at ${mac}`).join(', ')}`
    case 'interface.set':
      return `${op.name} gets ${op.sysctls?.length ?? 'no'} sysctls`
    case 'interface.reset':
      return `${op.name} was down or new`
    default:
      return op.kind
  }
}
const v4 = (lines: readonly string[]): string[] => lines.filter((line) => !line.startsWith('v6 cali-'))

describe('EndpointManager', () => {
  test('chains stand while the interface is absent; the rest comes when it is up', () => {
    const scene = new Scene()
    assert.deepEqual(v4(scene.update(endpoint('a', 'cali1')).ops()), [
      'cali1 gets no sysctls',
      'v4 routes of workload cali1: ',
      'v6 routes of workload cali1: ',
      'neighbours of workload cali1: ',
      'v4 cali-tw-_ has 6 rules',
      'v4 cali-to-wl-dispatch has 2 rules',
      'v4 cali-fw-_ has 8 rules',
      'v4 cali-from-wl-dispatch has 2 rules',
    ])
    assert.deepEqual(scene.said(), { a: 'down' })
    assert.deepEqual(scene.up('cali1').ops(), [
      'cali1 gets 8 sysctls',
      'v4 routes of workload cali1: 10.0.0.1/32 dev cali1',
      'v6 routes of workload cali1: fd00::1/128 dev cali1 metric 1024',
      'neighbours of workload cali1: 10.0.0.1 at ee:00:00:00:00:01',
      'cali1 was down or new',
    ])
    assert.deepEqual(scene.said(), { a: 'up' })
  })

  test('an endpoint that goes takes everything along', () => {
    const a = endpoint('a', 'cali1')
    const scene = new Scene().update(a).up('cali1')
    scene.ops()
    scene.said()
    assert.deepEqual(v4(scene.remove(a).ops()), [
      'cali1 gets no sysctls',
      'v4 routes of workload cali1: ',
      'v6 routes of workload cali1: ',
      'neighbours of workload cali1: ',
      'v4 cali-tw-_ goes',
      'v4 cali-to-wl-dispatch has 1 rules',
      'v4 cali-fw-_ goes',
      'v4 cali-from-wl-dispatch has 1 rules',
    ])
    assert.deepEqual(scene.said(), { a: undefined })
  })

  test('a renamed interface: the old one loses, the new one gets', () => {
    const scene = new Scene().update(endpoint('a', 'cali1')).up('cali1').up('cali2')
    scene.ops()
    const ops = scene.update(endpoint('a', 'cali2')).ops()
    assert.ok(ops.includes('v4 routes of workload cali1: '))
    assert.ok(ops.includes('v4 routes of workload cali2: 10.0.0.1/32 dev cali2'))
  })

  test('of two endpoints with one interface the first by name has it, and the other takes over', () => {
    const [a, b] = [endpoint('a', 'cali1', ['10.0.0.1/32']), endpoint('b', 'cali1', ['10.0.0.2/32'])]
    for (const order of [
      [a, b],
      [b, a],
    ]) {
      const scene = new Scene().up('cali1')
      for (const each of order) scene.update(each)
      assert.ok(scene.ops().includes('v4 routes of workload cali1: 10.0.0.1/32 dev cali1'))
      assert.deepEqual(scene.said(), { a: 'up', b: 'error' })
      assert.ok(scene.remove(a).ops().includes('v4 routes of workload cali1: 10.0.0.2/32 dev cali1'))
      assert.deepEqual(scene.said(), { a: undefined, b: 'up' })
    }
  })

  test('a link that flaps between two passes is looked at again', () => {
    const scene = new Scene().update(endpoint('a', 'cali1')).up('cali1')
    scene.ops()
    assert.ok(scene.down('cali1').up('cali1').ops().includes('cali1 was down or new'))
    assert.ok(scene.gone('cali1').ops().includes('v4 routes of workload cali1: '))
    assert.deepEqual(scene.said(), { a: 'down' })
  })

  test('up is said only after a pass in which policy and routes stand', () => {
    const scene = new Scene().update(endpoint('a', 'cali1')).up('cali1')
    scene.ops()
    assert.deepEqual(scene.said({ complete: false }), {})
    assert.deepEqual(scene.said({ complete: true }), { a: 'up' })
  })

  test('nothing is said about an endpoint that changed while the pass was under way', () => {
    const scene = new Scene().up('cali1')
    scene.ops()
    scene.update(endpoint('a', 'cali1'))
    assert.deepEqual(scene.said(), {})
    scene.ops()
    scene.down('cali1')
    assert.deepEqual(scene.said(), {})
    scene.ops()
    assert.deepEqual(scene.said(), { a: 'down' })
  })

  test('an interface that lacks a route or a setting is an error until it has it', () => {
    const scene = new Scene().update(endpoint('a', 'cali1')).up('cali1')
    scene.ops()
    assert.deepEqual(scene.said({ ailing: new Set(['cali1']) }), { a: 'error' })
    assert.deepEqual(scene.said({ ailing: new Set(['cali1']) }), {})
    assert.deepEqual(scene.said(), { a: 'up' })
  })

  const chainOps = (scene: Scene): string[] => scene.ops().filter((op) => op.startsWith('v4 cali-'))

  test('workloads that ask the same share their chains', () => {
    const scene = new Scene().update(endpoint('a', 'cali1'))
    scene.ops()
    const [first, second] = [endpoint('b', 'cali2'), endpoint('c', 'cali3')]
    const onlyDispatch = (rules: number): string[] =>
      ['to', 'from'].map((way) => `v4 cali-${way}-wl-dispatch has ${rules} rules`)
    assert.deepEqual(chainOps(scene.update(first).update(second)), onlyDispatch(4))
    assert.deepEqual(chainOps(scene.remove(first)), onlyDispatch(3))
  })

  test('a change of policy leads to other chains; the old ones go with their last user', () => {
    const [a, b] = [endpoint('a', 'cali1'), endpoint('b', 'cali2')]
    const scene = new Scene().update(a).update(b)
    scene.ops()
    const changed = (goes: boolean): string[] =>
      ['to 4', 'from 6'].flatMap((each) => {
        const [way, rules] = each.split(' ')
        const chain = `v4 cali-${way?.[0]}w-_`
        return [
          ...(goes ? [`${chain} goes`] : [`${chain} has ${rules} rules`]),
          `v4 cali-${way}-wl-dispatch has 3 rules`,
        ]
      })
    assert.deepEqual(chainOps(scene.update({ ...a, profiles: [] })), changed(false))
    assert.deepEqual(chainOps(scene.update({ ...b, profiles: [] })), changed(true))
    assert.deepEqual(chainOps(scene.update({ ...b, profiles: [], nets: [] })), [], 'addresses are no rules')
  })
})
