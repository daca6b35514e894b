import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type LogFields, type Logger, quietLogger } from '@calico-node/core'
import { parseInterfaceName, parseIp } from '@calico-node/model'
import type { DataplaneStatusSink, EndpointState, HostEndpoint } from '../../calc/messages.ts'
import { environmentLayer } from '../../config/layers.ts'
import { resolveFelixConfig } from '../../config/resolve.ts'
import { ruleSettings } from '../../rules/settings.ts'
import { HostEndpointManager } from './host-endpoint.ts'

const settings = ruleSettings(
  resolveFelixConfig([
    environmentLayer({ FELIX_FAILSAFEINBOUNDHOSTPORTS: 'tcp:22', FELIX_FAILSAFEOUTBOUNDHOSTPORTS: 'none' }),
  ]).config,
)

/** A manager, and short words for what happens to it. */
class Scene {
  readonly lines: LogFields[] = []
  readonly manager: HostEndpointManager
  constructor() {
    const log: Logger = {
      ...quietLogger,
      info: (_message, fields = {}) => {
        this.lines.push(fields)
      },
    }
    this.manager = new HostEndpointManager({ versions: [4], settings, maxSetElements: 10 }, log)
  }

  /** @param choice An interface, `*`, or a list of expected addresses. */
  set(name: string, choice: string | readonly string[], fields: Partial<HostEndpoint> = {}): this {
    const chosen =
      typeof choice !== 'string'
        ? {}
        : ({ interfaceName: choice === '*' ? choice : parseInterfaceName(choice) } as const)
    this.manager.onMessage({
      kind: 'host-endpoint.update',
      endpoint: {
        name,
        ...chosen,
        expectedIps: typeof choice === 'string' ? [] : choice.map(parseIp),
        tiers: [],
        untrackedTiers: [],
        preDnatTiers: [],
        forwardTiers: [],
        profiles: [],
        ...fields,
      },
    })
    return this
  }

  remove(name: string): this {
    this.manager.onMessage({ kind: 'host-endpoint.remove', name })
    return this
  }

  link(name: string, operUp: boolean | undefined, ...addresses: readonly string[]): this {
    const link = operUp === undefined ? undefined : { name, index: 1, operUp, mtuBytes: 1500 }
    this.manager.onLink({ kind: 'link', name, link })
    if (link !== undefined) this.manager.onLink({ kind: 'addresses', name, addresses: new Set(addresses.map(parseIp)) })
    return this
  }

  /** What changes in the dispatch of arriving packets in the filter table, and which chains come and go there. */
  ops(): { dispatch?: string; set: string[]; removed: string[] } {
    const ops = this.manager.takeOps().filter((op) => 'table' in op && op.table === 'filter')
    const chains = ops.flatMap((op) => (op.kind === 'chain.set' ? [op.chain] : []))
    const root = chains.find(({ name }) => name === 'cali-from-host-endpoint')
    const dispatch = root?.rules
      .map(
        ({ match, action }) =>
          `${match.map((each) => (each.kind === 'in-interface' ? each.name : each.kind)).join(' ')} ${action.kind}`,
      )
      .join(', ')
    return {
      ...(dispatch !== undefined && { dispatch }),
      set: chains.map(({ name }) => name).filter((name) => name.startsWith('cali-fh-')),
      removed: ops.flatMap((op) => (op.kind === 'chain.remove' && op.name.startsWith('cali-fh-') ? [op.name] : [])),
    }
  }

  states(complete = true): Record<string, EndpointState | undefined> {
    const said: Record<string, EndpointState | undefined> = {}
    const unwanted = (): void => assert.fail('not of this manager')
    const sink: DataplaneStatusSink = {
      workloadStatus: unwanted,
      dataplaneInSync: unwanted,
      hostEndpointStatus: (name, state) => {
        said[name] = state
      },
    }
    this.manager.onPass({ complete, ailing: new Set() }, sink)
    return said
  }
}

describe('HostEndpointManager', () => {
  test('without host endpoints, the chains that others jump to are sent once, empty', () => {
    const scene = new Scene()
    assert.deepEqual(scene.ops(), { dispatch: '', set: [], removed: [] })
    assert.deepEqual(scene.link('eth0', true).ops(), { set: [], removed: [] })
    assert.deepEqual(scene.lines, [])
  })

  const rows: [why: string, set: (scene: Scene) => Scene, dispatch: string, states: Record<string, EndpointState>][] = [
    ['a name, before the interface exists', (s) => s.set('h', 'eth9'), 'eth9 goto', { h: 'error' }],
    ['a name', (s) => s.set('h', 'eth0'), 'eth0 goto', { h: 'up' }],
    ['expected addresses', (s) => s.set('h', ['10.0.0.9', 'fd00::1']), 'eth1 goto', { h: 'down' }],
    [
      'several interfaces by address, one of them down',
      (s) => s.set('h', ['10.0.0.1', 'fd00::1']),
      'eth0 goto, eth1 goto',
      { h: 'down' },
    ],
    [
      'a name is no address',
      (s) => s.set('h', 'eth1', { expectedIps: [parseIp('10.0.0.1')] }),
      'eth1 goto',
      { h: 'down' },
    ],
    [
      'the first by name, whichever way it claims',
      (s) => s.set('b', 'eth0').set('a', ['10.0.0.1']),
      'eth0 goto',
      { a: 'up', b: 'error' },
    ],
    [
      'all others',
      (s) => s.set('b', '*').set('a', '*').set('h', 'eth0'),
      'eth0 goto, lo return,  goto',
      { h: 'up', a: 'up', b: 'error' },
    ],
    ['not a workload', (s) => s.set('h', 'cali1').set('i', ['10.65.0.1']), '', { h: 'error', i: 'error' }],
  ]
  for (const [why, set, dispatch, states] of rows) {
    test(`which interfaces are governed: ${why}`, () => {
      const scene = set(
        new Scene().link('eth0', true, '10.0.0.1').link('eth1', false, 'fd00::1').link('cali1', true, '10.65.0.1'),
      )
      assert.equal(scene.ops().dispatch, dispatch)
      assert.deepEqual(scene.states(), states)
    })
  }

  test('only what differs is sent, and what has gone is removed', () => {
    const scene = new Scene().link('eth0', true).set('h', 'eth0')
    assert.deepEqual(scene.ops(), { dispatch: 'eth0 goto', set: ['cali-fh-eth0'], removed: [] })
    assert.deepEqual(scene.set('h', 'eth0', { profiles: ['p'] }).ops(), { set: ['cali-fh-eth0'], removed: [] })
    assert.deepEqual(scene.set('h', 'eth0', { profiles: ['p'] }).ops(), { set: [], removed: [] })
    assert.deepEqual(scene.remove('h').ops(), { dispatch: '', set: [], removed: ['cali-fh-eth0'] })
  })

  test('an address that moves takes the endpoint along', () => {
    const scene = new Scene().link('eth0', true, '10.0.0.1').link('eth1', true).set('h', ['10.0.0.1'])
    assert.equal(scene.ops().dispatch, 'eth0 goto')
    assert.equal(scene.link('eth0', true).link('eth1', true, '10.0.0.1').ops().dispatch, 'eth1 goto')
    assert.equal(scene.link('eth1', undefined).ops().dispatch, '')
  })

  test('states are told once, "up" only when policy stands, and none about what the pass did not know', () => {
    const scene = new Scene().link('eth0', true).set('h', 'eth0')
    scene.ops()
    assert.deepEqual(scene.states(false), {})
    assert.deepEqual(scene.states(), { h: 'up' })
    assert.deepEqual(scene.states(), {})
    scene.link('eth0', false)
    assert.deepEqual(scene.states(), {})
    scene.ops()
    assert.deepEqual(scene.states(), { h: 'down' })
    scene.remove('h').ops()
    assert.deepEqual(scene.states(), { h: undefined })
  })

  test('what is policed and what stays open is logged when it changes', () => {
    const scene = new Scene().set('h', 'eth0').set('all', '*')
    scene.ops()
    assert.deepEqual(scene.lines, [{ interfaces: 'eth0=h *=all', failsafeInbound: 'tcp:22', failsafeOutbound: '' }])
    scene.set('h', 'eth0', { profiles: ['p'] }).ops()
    assert.equal(scene.lines.length, 1)
    scene.remove('h').remove('all').ops()
    assert.equal(scene.lines.length, 2)
  })
})
