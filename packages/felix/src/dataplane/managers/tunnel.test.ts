import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Link, LinkEvent } from '@calico-node/linux'
import { parseCidr, parseIp, parseMac, parseNodeName } from '@calico-node/model'
import type { CalcMessage, LocalTunnel, RemoteTunnelEnd, RouteTarget } from '../../calc/messages.ts'
import { resolveFelixConfig } from '../../config/resolve.ts'
import { ruleSettings } from '../../rules/settings.ts'
import { HostLinks } from '../host-links.ts'
import type { DataplaneOp } from '../ops.ts'
import { ClusterRouteManager } from './cluster-routes.ts'
import { TunnelManager } from './tunnel.ts'

const mac = parseMac('66:00:00:00:00:01')
const vxlan: LocalTunnel = { kind: 'vxlan', nodeIp: parseIp('192.0.2.1'), address: parseIp('10.0.0.1'), mac }
const near: RemoteTunnelEnd = {
  node: parseNodeName('near'),
  kind: 'vxlan',
  nodeIp: parseIp('192.0.2.2'),
  tunnelIp: parseIp('10.0.0.65'),
  mac: parseMac('66:00:00:00:00:02'),
  gateway: parseIp('10.0.0.65'),
}

/** Both managers on a host with one uplink, a clock, and short words for what they ask for. */
class Scene {
  now = 0
  readonly #links = new HostLinks({ mtuPattern: /^eth/, workloadPrefixes: ['cali'] })
  readonly #tunnels: TunnelManager
  readonly #routes: ClusterRouteManager

  constructor(mtu: Partial<Record<'vxlan' | 'vxlan-v6' | 'ipip', number>> = {}) {
    const now = (): number => this.now
    const mtuBytes = { vxlan: 0, 'vxlan-v6': 0, ipip: 0, ...mtu }
    const settings = ruleSettings(resolveFelixConfig([]).config)
    const links = this.#links
    this.#tunnels = new TunnelManager({
      versions: [4, 6],
      settings,
      maxSetElements: 10,
      links,
      vxlan: { vni: 4096, port: 4789 },
      mtuBytes,
      externalHosts: [],
      now,
    })
    this.#routes = new ClusterRouteManager({ links, protocol: 80, mtuBytes, now })
    this.link('eth0')
    this.addresses('eth0', '192.0.2.1', 'fd99::1')
  }

  tell(...messages: CalcMessage[]): this {
    for (const manager of [this.#tunnels, this.#routes]) for (const message of messages) manager.onMessage(message)
    return this
  }
  #event(event: LinkEvent): this {
    for (const each of [this.#links, this.#tunnels, this.#routes]) each.onLink(event)
    return this
  }
  link(name: string, change: Partial<Link> = {}): this {
    return this.#event({ kind: 'link', name, link: { name, index: 1, operUp: true, mtuBytes: 1500, ...change } })
  }
  gone(name: string): this {
    return this.#event({ kind: 'link', name, link: undefined })
  }
  addresses(name: string, ...ips: string[]): this {
    return this.#event({ kind: 'addresses', name, addresses: new Set(ips.map(parseIp)) })
  }
  ops(): string[] {
    return [...this.#tunnels.takeOps(), ...this.#routes.takeOps()].flatMap((op) => opText(op) ?? [])
  }
  dueInMs(): number | undefined {
    const wishes = [this.#tunnels.dueInMs(), this.#routes.dueInMs()].filter((wish) => wish !== undefined)
    return wishes.length === 0 ? undefined : Math.min(...wishes)
  }
}

/** Rules and sets are left out: they have tests of their own. */
function opText(op: DataplaneOp): string | undefined {
  switch (op.kind) {
    case 'tunnel.set':
      return `make ${op.device.name} on ${op.device.vxlan?.parent ?? 'nothing'} mtu ${op.device.mtuBytes} address ${op.device.address ?? 'none'}`
    case 'tunnel.remove':
      return `remove ${op.name}`
    case 'neighbours.set':
      return `neighbours of ${op.owner}: ${op.entries.map(({ ip, mac: at }) => `${ip} ${at}`).join()}`
    case 'forwarding.set':
      return `forwarding of ${op.owner}: ${op.entries.map(({ mac: at, host }) => `${at} ${host}`).join()}`
    case 'routes.set':
      return `${op.owner}: ${op.routes.map(({ kind, dev, via, mtu, metric }) => [kind === 'blackhole' ? kind : '', via && `via ${via}`, dev && `dev ${dev}`, mtu && `mtu ${mtu}`, metric && `metric ${metric}`].filter(Boolean).join(' ')).join()}`
    case 'workload-mtu.set':
      return `workloads ${op.mtuBytes}`
    case 'problem.set':
      return op.reason === undefined ? undefined : `problem ${op.reason}`
    default:
      return undefined
  }
}

const route = (dst: string, target: RouteTarget): CalcMessage => ({ kind: 'route.update', dst: parseCidr(dst), target })
const noRoute = (dst: string): CalcMessage => ({ kind: 'route.remove', dst: parseCidr(dst) })
const overVxlan: RouteTarget = { kind: 'tunnel', tunnel: 'vxlan', gateway: near.tunnelIp }
const direct: RouteTarget = { kind: 'direct', gateway: near.nodeIp, nodeIp: vxlan.nodeIp }
const withTunnel = (): Scene => {
  const scene = new Scene().tell(
    { kind: 'tunnel.update', tunnel: vxlan },
    { kind: 'tunnel-end.update', end: near },
    route('10.0.0.64/26', overVxlan),
  )
  scene.ops()
  scene.link('vxlan.calico', { mtuBytes: 1450 }).ops()
  return scene
}

describe('a tunnel', () => {
  test('nobody needs: whatever an earlier life left is removed', () => {
    assert.deepEqual(new Scene().ops(), [
      'remove vxlan.calico',
      'remove vxlan-v6.calico',
      'remove tunl0',
      'workloads 1500',
    ])
  })

  test('is built first; entries and routes come when the device is up', () => {
    const scene = new Scene().tell(
      { kind: 'tunnel.update', tunnel: vxlan },
      { kind: 'tunnel-end.update', end: near },
      route('10.0.0.64/26', overVxlan),
    )
    assert.deepEqual(scene.ops(), [
      'make vxlan.calico on eth0 mtu 1450 address 10.0.0.1',
      'remove vxlan-v6.calico',
      'remove tunl0',
      'workloads 1450',
      'neighbours of tunnel vxlan near: ',
      'forwarding of tunnel vxlan near: ',
      'cluster 10.0.0.64/26: ',
    ])
    assert.deepEqual(scene.link('vxlan.calico', { mtuBytes: 1450 }).ops().slice(-3), [
      'neighbours of tunnel vxlan near: 10.0.0.65 66:00:00:00:00:02',
      'forwarding of tunnel vxlan near: 66:00:00:00:00:02 192.0.2.2',
      'cluster 10.0.0.64/26: via 10.0.0.65 dev vxlan.calico',
    ])
  })

  test('whose device somebody removes is built again, and everything on it after that', () => {
    const scene = withTunnel()
    assert.ok(scene.gone('vxlan.calico').ops().includes('make vxlan.calico on eth0 mtu 1450 address 10.0.0.1'))
    assert.ok(scene.link('vxlan.calico').ops().includes('cluster 10.0.0.64/26: via 10.0.0.65 dev vxlan.calico'))
  })

  test('follows the address of the node to another interface', () => {
    const scene = withTunnel()
    scene.link('eth1', { mtuBytes: 1400 }).addresses('eth0').addresses('eth1', '192.0.2.1')
    assert.ok(scene.ops().includes('make vxlan.calico on eth1 mtu 1350 address 10.0.0.1'))
  })

  test('cannot be built while no interface has the address of the node, and says so', () => {
    const scene = new Scene().addresses('eth0').tell({ kind: 'tunnel.update', tunnel: vxlan })
    assert.ok(scene.ops().includes('problem No interface of this host holds 192.0.2.1: vxlan.calico cannot be built'))
    assert.deepEqual(
      scene
        .addresses('eth0', '192.0.2.1')
        .ops()
        .filter((op) => op.startsWith('problem')),
      [],
    )
  })

  test('and its other ends linger when nobody needs them any more, but not beside a new owner of the address', () => {
    const scene = withTunnel().tell(
      { kind: 'tunnel-end.remove', end: near },
      { kind: 'tunnel.remove', tunnel: 'vxlan' },
    )
    assert.deepEqual([scene.ops(), scene.dueInMs()], [[], 20_000])
    scene.now = 20_000
    assert.deepEqual(scene.ops(), [
      'remove vxlan.calico',
      'remove vxlan-v6.calico',
      'remove tunl0',
      'workloads 1500',
      'neighbours of tunnel vxlan near: ',
      'forwarding of tunnel vxlan near: ',
    ])
    assert.equal(scene.dueInMs(), undefined)

    const again = withTunnel().tell({ kind: 'tunnel-end.remove', end: near })
    const heir: RemoteTunnelEnd = {
      ...near,
      node: parseNodeName('heir'),
      nodeIp: parseIp('192.0.2.3'),
      mac: parseMac('66:00:00:00:00:03'),
    }
    assert.deepEqual(again.tell({ kind: 'tunnel-end.update', end: heir }).ops(), [
      'neighbours of tunnel vxlan near: ',
      'forwarding of tunnel vxlan near: ',
      'neighbours of tunnel vxlan heir: 10.0.0.65 66:00:00:00:00:03',
      'forwarding of tunnel vxlan heir: 66:00:00:00:00:03 192.0.2.3',
    ])
  })

  test('of a node that was deleted goes at once', () => {
    const scene = withTunnel().tell(
      { kind: 'host-ip.update', node: 'near', ips: [near.nodeIp] },
      { kind: 'tunnel-end.remove', end: near },
      { kind: 'host-ip.remove', node: 'near' },
    )
    assert.deepEqual(scene.ops(), ['neighbours of tunnel vxlan near: ', 'forwarding of tunnel vxlan near: '])
  })

  const sizes: [why: string, configured: number, host: number, expected: number, notice: RegExp | undefined][] = [
    ['as large as the host allows', 0, 1500, 1450, undefined],
    ['as configured', 1300, 1500, 1300, undefined],
    ['below the minimum by configuration', 400, 1500, 1450, /VxlanMTU=400 is below the minimum of 576/],
    ['below the minimum because of the host', 0, 600, 576, /the MTU of this host, 600, leaves less than the minimum/],
  ]
  for (const [why, configured, host, expected, notice] of sizes) {
    test(`carries packets ${why}`, () => {
      const ops = new Scene({ vxlan: configured })
        .link('eth0', { mtuBytes: host })
        .tell({ kind: 'tunnel.update', tunnel: vxlan })
        .ops()
      assert.ok(ops.includes(`make vxlan.calico on eth0 mtu ${expected} address 10.0.0.1`), ops.join('\n'))
      assert.match(ops.find((op) => op.startsWith('problem')) ?? '', notice ?? /^$/)
    })
  }
})

describe('a route to another host', () => {
  const shapes: [why: string, dst: string, target: RouteTarget, expected: string][] = [
    ['over VXLAN', '10.0.0.64/26', overVxlan, 'via 10.0.0.65 dev vxlan.calico'],
    ['to the other end itself', '10.0.0.65/32', overVxlan, 'dev vxlan.calico'],
    [
      'over IP-in-IP',
      '10.0.1.64/26',
      { kind: 'tunnel', tunnel: 'ipip', gateway: near.nodeIp },
      'via 192.0.2.2 dev tunl0 mtu 1480',
    ],
    [
      'over IPv6 VXLAN',
      'fd00::40/122',
      { kind: 'tunnel', tunnel: 'vxlan-v6', gateway: parseIp('fe80::1') },
      'via fe80::1 dev vxlan-v6.calico metric 1023',
    ],
    ['without a tunnel', '10.0.0.64/26', direct, 'via 192.0.2.2 dev eth0'],
    ['that does not exist', '10.0.0.0/26', { kind: 'blackhole' }, 'blackhole'],
  ]
  for (const [why, dst, target, expected] of shapes) {
    test(why, () => {
      const scene = new Scene().link('vxlan.calico').link('vxlan-v6.calico').link('tunl0')
      assert.equal(scene.tell(route(dst, target)).ops().at(-1), `cluster ${dst}: ${expected}`)
    })
  }

  test('over a tunnel that comes into use while Felix runs waits for other hosts to have it, on its old way', () => {
    const scene = new Scene().link('vxlan.calico').tell(route('10.0.0.64/26', direct), { kind: 'in-sync' })
    scene.ops()
    scene.tell({ kind: 'tunnel.update', tunnel: vxlan }, route('10.0.0.64/26', overVxlan))
    const routes = (): string[] => scene.ops().filter((op) => op.startsWith('cluster'))
    assert.deepEqual([routes(), scene.dueInMs()], [[], 3000])
    scene.now = 3000
    assert.deepEqual(routes(), ['cluster 10.0.0.64/26: via 10.0.0.65 dev vxlan.calico'])
    assert.equal(scene.dueInMs(), undefined)
    scene.tell(route('10.0.0.128/26', overVxlan))
    assert.deepEqual(routes(), ['cluster 10.0.0.128/26: via 10.0.0.65 dev vxlan.calico'], 'later ones do not wait')
  })

  test('that waits for its tunnel and is not wanted any more is forgotten', () => {
    const scene = new Scene().link('vxlan.calico').tell({ kind: 'in-sync' })
    scene.ops()
    scene.tell({ kind: 'tunnel.update', tunnel: vxlan }, route('10.0.0.64/26', overVxlan), noRoute('10.0.0.64/26'))
    scene.now = 3000
    assert.deepEqual(
      scene.ops().filter((op) => op.startsWith('cluster')),
      [],
    )
  })

  test('changes its way at once', () => {
    assert.deepEqual(withTunnel().tell(route('10.0.0.64/26', direct)).ops(), [
      'cluster 10.0.0.64/26: via 192.0.2.2 dev eth0',
    ])
  })

  test('lingers when it is not wanted any more, unless it is wanted again', () => {
    const scene = withTunnel().tell(noRoute('10.0.0.64/26'))
    assert.deepEqual([scene.ops(), scene.dueInMs()], [[], 10_000])
    scene.now = 9_999
    scene.tell(route('10.0.0.64/26', direct)).ops()
    scene.now = 10_001
    assert.deepEqual([scene.ops(), scene.dueInMs()], [[], undefined])
    scene.tell(noRoute('10.0.0.64/26')).ops()
    scene.now += 10_000
    assert.deepEqual(scene.ops(), ['cluster 10.0.0.64/26: '])
  })
})
