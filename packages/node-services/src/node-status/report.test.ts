import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BirdProtocolDetail } from '@calico-node/birdc'
import { MAX_ROUTES, nodeStatus, type Views } from './report.ts'

const session = (name: string, state: string): BirdProtocolDetail => ({
  name,
  proto: 'BGP',
  table: 'master',
  state: state === 'Established' ? 'up' : 'start',
  since: '10:00:01',
  info: state,
  routes: { imported: 0, exported: 0, preferred: 0 },
  bgp: { state, capabilities: [], session: [] },
})
const route = (prefix: string, from: string, target: string, primary = true) => ({
  prefix,
  from,
  target,
  primary,
  preference: 100,
})
const VIEWS: Views = {
  4: {
    status: {
      version: '1.6.8',
      routerId: '10.0.0.1',
      lastReboot: '2026-01-31 10:00:00',
      lastReconfiguration: '2026-01-31 10:00:01',
      gracefulRestart: false,
    },
    protocols: [
      session('Mesh_10_0_0_2', 'Established'),
      session('Global_10_0_0_9_port_1790', 'Active'),
      { ...session('kernel1', ''), proto: 'Kernel' },
    ],
    routes: [
      route('192.168.7.64/26', 'Mesh_10_0_0_2', 'via 10.0.0.2 on eth0'),
      route('192.168.7.64/26', 'Node_10_0_0_3', 'via 10.0.0.3 on eth0', false),
      route('192.168.1.1/32', 'kernel1', 'dev cali1'),
      route('192.168.1.0/26', 'static1', 'blackhole'),
    ],
  },
  6: {},
}
const NOW = new Date('2026-01-31T10:20:30.456Z')

describe('nodeStatus()', () => {
  test('tells everything when no class is named', () => {
    assert.deepEqual(nodeStatus(VIEWS, undefined, NOW), {
      lastUpdated: '2026-01-31T10:20:30Z',
      agent: {
        birdV4: {
          state: 'Ready',
          version: '1.6.8',
          routerID: '10.0.0.1',
          lastBootTime: '2026-01-31 10:00:00',
          lastReconfigurationTime: '2026-01-31 10:00:01',
        },
        birdV6: { state: 'NotReady' },
      },
      bgp: {
        numberEstablishedV4: 1,
        numberNotEstablishedV4: 1,
        numberEstablishedV6: 0,
        numberNotEstablishedV6: 0,
        peersV4: [
          { peerIP: '10.0.0.2', type: 'NodeMesh', state: 'Established', since: '10:00:01' },
          { peerIP: '10.0.0.9', type: 'GlobalPeer', state: 'Active', since: '10:00:01' },
        ],
        peersV6: [],
      },
      routes: {
        routesV4: [
          {
            type: 'FIB',
            destination: '192.168.7.64/26',
            gateway: '10.0.0.2',
            interface: 'eth0',
            learnedFrom: { sourceType: 'NodeMesh', peerIP: '10.0.0.2' },
          },
          {
            type: 'RIB',
            destination: '192.168.7.64/26',
            gateway: '10.0.0.3',
            interface: 'eth0',
            learnedFrom: { sourceType: 'BGPPeer', peerIP: '10.0.0.3' },
          },
          { type: 'FIB', destination: '192.168.1.1/32', interface: 'cali1', learnedFrom: { sourceType: 'Kernel' } },
          { type: 'FIB', destination: '192.168.1.0/26', learnedFrom: { sourceType: 'Static' } },
        ],
        routesV6: [],
      },
    })
  })
  test('tells only the classes that were asked for', () => {
    assert.deepEqual(Object.keys(nodeStatus(VIEWS, ['BGP'], NOW)), ['lastUpdated', 'bgp'])
    assert.deepEqual(Object.keys(nodeStatus(VIEWS, ['Agent', 'Routes'], NOW)), ['lastUpdated', 'agent', 'routes'])
  })
  test('is bounded', () => {
    const routes = Array.from({ length: MAX_ROUTES + 1 }, () => route('10.0.0.0/8', 'kernel1', 'dev eth0'))
    const report = nodeStatus({ 4: { routes }, 6: {} }, ['Routes'], NOW)
    assert.equal(report.routes?.routesV4?.length, MAX_ROUTES)
    assert.ok(JSON.stringify(report).length < 1_000_000)
  })
})
