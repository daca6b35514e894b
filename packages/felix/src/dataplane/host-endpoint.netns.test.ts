import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { parseInterfaceName, parseIp } from '@calico-node/model'
import { requireOwnNamespace } from '@calico-node/testkit'
import type { CalcMessage, CalcRule, EndpointTier, HostEndpoint } from '../calc/messages.ts'
import { type HostParty, hostParty } from './host-party.test.ts'
import {
  bothVersions,
  expectDrop,
  expectPass,
  HostScene,
  openProfile,
  type Party,
  PORTS,
  type Probe,
  sh,
  update,
  UPLINK,
  VARIANTS,
  type Workload,
} from './host-scene.test.ts'
import { calcRule } from '../calc/rule-fixture.test.ts'

requireOwnNamespace()

const UPLINK_NAME = parseInterfaceName('uplink')
const FAILSAFES = { FELIX_FAILSAFEINBOUNDHOSTPORTS: 'tcp:81,udp:81', FELIX_FAILSAFEOUTBOUNDHOSTPORTS: 'tcp:81' }

const hostEndpoint = (fields: Partial<HostEndpoint> = {}): CalcMessage => ({
  kind: 'host-endpoint.update',
  endpoint: {
    name: 'h',
    interfaceName: UPLINK_NAME,
    expectedIps: [],
    tiers: [],
    untrackedTiers: [],
    preDnatTiers: [],
    forwardTiers: [],
    profiles: [],
    ...fields,
  },
})
const gone = (name = 'h'): CalcMessage => ({ kind: 'host-endpoint.remove', name })
const policy = (id: string, ingress: readonly CalcRule[], egress: readonly CalcRule[] = []): CalcMessage => ({
  kind: 'policy.update',
  id,
  rules: { ingress, egress },
})
const tier = (ingress: readonly string[], egress: readonly string[] = []): EndpointTier[] => [
  { name: 'default', defaultAction: 'Deny', ingress, egress },
]
const to = (port: number, protocol = 6): Partial<CalcRule> & { to: { ports: { first: number; last: number }[] } } => ({
  protocol,
  to: { ports: [{ first: port, last: port }] },
})

for (const variant of VARIANTS) {
  describe(`host endpoints, iptables-${variant}`, () => {
    let scene: HostScene
    let self: HostParty
    let a: Workload
    let b: Workload
    const tcp = (from: Party, target: Party, port = 80): Probe[] =>
      bothVersions({ from, to: target, protocol: 'tcp', port })
    const udp = (from: Party, target: Party, port = 80): Probe[] =>
      bothVersions({ from, to: target, protocol: 'udp', port })
    const icmp = (from: Party, target: Party): Probe[] => bothVersions({ from, to: target })

    before(async () => {
      scene = await HostScene.create(variant, { ...FAILSAFES, FELIX_DEFAULTENDPOINTTOHOSTACTION: 'ACCEPT' })
      self = await hostParty([...PORTS, 8080])
      ;[a, b] = [await scene.addWorkload('a', 1), await scene.addWorkload('b', 2)]
      await scene.start()
      scene.send(openProfile(), ...[a, b].map((each) => update(each, { profiles: ['open'] })), { kind: 'in-sync' })
      await scene.converged()
    })
    after(async () => {
      await self.stop()
      await scene.destroy()
    })

    test('a host without host endpoints is open', () =>
      expectPass(
        ...icmp(scene.outside, self),
        ...tcp(scene.outside, self),
        ...udp(self, scene.outside),
        ...icmp(scene.outside, a),
      ))

    test('one without policy closes the host, except for the failsafe ports; what is forwarded and the own workloads are untouched', async () => {
      scene.send(hostEndpoint())
      await expectDrop(
        ...icmp(scene.outside, self),
        ...tcp(scene.outside, self),
        ...udp(scene.outside, self),
        ...tcp(self, scene.outside),
        ...icmp(self, scene.outside),
      )
      await sh('ip -6 neigh flush dev uplink; ip -n outside -6 neigh flush dev eth0')
      await expectPass(
        ...tcp(scene.outside, self, 81),
        ...udp(scene.outside, self, 81),
        ...tcp(self, scene.outside, 81),
        ...icmp(scene.outside, a),
        ...tcp(a, scene.outside),
        ...icmp(self, a),
        ...tcp(a, self),
        ...tcp(a, b),
      )
    })

    test('its state is told', async () => {
      await waitFor('up', () => scene.states.get('h') === 'up')
      await sh('ip link set uplink down')
      await waitFor('down', () => scene.states.get('h') === 'down')
      await sh(
        `ip link set uplink up; ip addr replace ${UPLINK[6]}/64 dev uplink nodad; ip route replace default via ${scene.outside.ip[4]}; ip -6 route replace default via ${scene.outside.ip[6]}`,
      )
      scene.send(hostEndpoint({ name: 'i', interfaceName: parseInterfaceName('absent') }), hostEndpoint({ name: 'z' }))
      await waitFor(
        'up, and an error of those that govern nothing',
        () => scene.states.get('h') === 'up' && scene.states.get('i') === 'error' && scene.states.get('z') === 'error',
      )
      scene.send(gone('i'), gone('z'))
      await waitFor('no more states', () => !scene.states.has('i') && !scene.states.has('z'))
    })

    test('policy opens what it names, in each direction; profiles come after', async () => {
      scene.send(
        policy('default/p', [calcRule('allow', to(80))], [calcRule('allow', to(80, 17))]),
        hostEndpoint({ tiers: tier(['default/p'], ['default/p']) }),
      )
      await expectPass(...tcp(scene.outside, self), ...udp(self, scene.outside))
      await expectDrop(...udp(scene.outside, self), ...tcp(self, scene.outside), ...icmp(scene.outside, self))
      scene.send(hostEndpoint({ profiles: ['open'] }))
      await expectPass(...icmp(scene.outside, self), ...icmp(self, scene.outside))
    })

    test('egress policy sees what DNAT sends elsewhere', async () => {
      for (const [tool, ip, sent] of [
        ['iptables', '198.51.100.1', scene.outside.ip[4]],
        ['ip6tables', '2001:db8::1', scene.outside.ip[6]],
      ]) {
        await sh(`${tool}-${variant} -t nat -A OUTPUT -d ${ip} -j DNAT --to-destination ${sent}`)
      }
      const service: Party = { peer: scene.outside.peer, ip: { 4: '198.51.100.1', 6: '2001:db8::1' } }
      scene.send(hostEndpoint())
      await expectDrop(...tcp(self, service), ...icmp(self, service))
      await expectPass(...tcp(self, service, 81))
      scene.send(hostEndpoint({ tiers: tier([], ['default/p']) }))
      await expectPass(...udp(self, service))
      await expectDrop(...tcp(self, service))
    })

    test('forwarded traffic is policed where a policy speaks of it, in that direction only', async () => {
      scene.send(
        policy('default/f', [calcRule('deny', to(80)), calcRule('allow')]),
        hostEndpoint({ forwardTiers: tier(['default/f']) }),
      )
      await expectDrop(...tcp(scene.outside, a), ...tcp(scene.outside, b))
      await expectPass(...tcp(scene.outside, a, 81), ...icmp(scene.outside, a), ...tcp(a, scene.outside), ...tcp(a, b))
      scene.send(
        policy('default/f', [], [calcRule('deny', to(80))]),
        hostEndpoint({ forwardTiers: tier([], ['default/f']) }),
      )
      await expectDrop(...tcp(a, scene.outside), ...icmp(a, scene.outside), ...tcp(b, scene.outside, 81))
      await expectPass(...tcp(scene.outside, a), ...tcp(a, b), ...tcp(scene.outside, self, 81))
    })

    test('before DNAT a policy refuses what would be forwarded afterwards, and what it allows is not asked again', async () => {
      for (const [tool, target] of [
        ['iptables', `${a.ip[4]}:80`],
        ['ip6tables', `[${a.ip[6]}]:80`],
      ]) {
        await sh(
          `${tool}-${variant} -t nat -A PREROUTING -i uplink -p tcp --dport 8080 -j DNAT --to-destination ${target}`,
        )
      }
      scene.send(hostEndpoint())
      await expectPass(...tcp(scene.outside, self, 8080))
      scene.send(policy('default/d', [calcRule('deny', to(8080))]), hostEndpoint({ preDnatTiers: tier(['default/d']) }))
      await expectDrop(...tcp(scene.outside, self, 8080), ...tcp(scene.outside, self))
      await expectPass(...tcp(scene.outside, a), ...tcp(scene.outside, self, 81))
      scene.send(policy('default/d', [calcRule('allow', to(80))]))
      await expectPass(...tcp(scene.outside, self), ...tcp(scene.outside, self, 8080))
      await expectDrop(...udp(scene.outside, self))
    })

    test('untracked policy lets both directions pass without an entry of connection tracking; failsafes still work', async () => {
      const port = [{ first: 80, last: 80 }]
      const answers = calcRule('allow', { protocol: 17, from: { ports: port } })
      scene.send(
        policy('default/u', [calcRule('allow', to(80, 17)), calcRule('deny', to(8080))], [answers]),
        hostEndpoint({ untrackedTiers: tier(['default/u'], ['default/u']) }),
      )
      await expectPass(...udp(scene.outside, self), ...tcp(scene.outside, self, 81), ...tcp(self, scene.outside, 81))
      await expectDrop(...tcp(scene.outside, self), ...udp(self, scene.outside), ...tcp(scene.outside, self, 8080))
      await sh('conntrack -F; conntrack -F -f ipv6')
      await expectPass(...udp(scene.outside, self))
      assert.equal(await sh('conntrack -L -p udp --dport 80; conntrack -L -f ipv6 -p udp --dport 80'), '')
      const chains = await sh(
        `iptables-${variant}-save -t raw | grep -c default/u; iptables-${variant}-save -t filter | grep -c default/u; true`,
      )
      assert.match(chains, /^[1-9]\d*\n0\n$/, 'a policy is programmed in the tables that ask it, and in no other')
    })

    test('without an interface name, the expected addresses choose the interface', async () => {
      const { interfaceName: _, ...unnamed } = { ...hostEndpointOf(), expectedIps: [parseIp('172.16.0.77')] }
      scene.send(gone(), { kind: 'host-endpoint.update', endpoint: unnamed })
      await waitFor('nothing is governed', () => scene.states.get('h') === 'error')
      await expectPass(...tcp(scene.outside, self))
      await sh('ip addr add 172.16.0.77/24 dev uplink')
      await expectDrop(...tcp(scene.outside, self))
      await waitFor('up', () => scene.states.get('h') === 'up')
      await sh('ip addr del 172.16.0.77/24 dev uplink')
      await expectPass(...tcp(scene.outside, self))
    })

    test('one for all interfaces closes those that no other governs, and leaves loopback and workloads alone', async () => {
      scene.send(gone(), hostEndpoint({ name: 'all', interfaceName: '*' }))
      await expectDrop(...icmp(scene.outside, self), ...tcp(scene.outside, self), ...tcp(self, scene.outside))
      await expectPass(
        ...tcp(scene.outside, self, 81),
        ...tcp(self, self),
        ...icmp(self, self),
        ...icmp(self, a),
        ...tcp(a, self),
        ...tcp(scene.outside, a),
        ...tcp(a, b),
      )
      assert.equal(scene.states.get('all'), 'up')
      scene.send(hostEndpoint({ profiles: ['open'] }))
      await expectPass(...tcp(scene.outside, self))
      scene.send(gone())
      await expectDrop(...tcp(scene.outside, self))
    })

    test('its policies for forwarded traffic and before DNAT see workloads, and can only take away', async () => {
      scene.send(
        policy('default/f', [calcRule('deny', to(80)), calcRule('allow')]),
        hostEndpoint({ name: 'all', interfaceName: '*', forwardTiers: tier(['default/f']) }),
      )
      await expectDrop(...tcp(a, b), ...tcp(a, scene.outside))
      await expectPass(...tcp(a, b, 81), ...tcp(a, self))
      scene.send(
        policy('default/d', [calcRule('deny', to(81)), calcRule('allow')]),
        hostEndpoint({
          name: 'all',
          interfaceName: '*',
          forwardTiers: tier(['default/f']),
          preDnatTiers: tier(['default/d']),
        }),
      )
      await expectDrop(...tcp(a, b), ...tcp(a, b, 8080))
      await expectPass(...icmp(a, b), ...tcp(a, self))
    })

    test('when the last one goes the host is open again, and nothing is left', async () => {
      scene.send(
        gone('all'),
        ...['default/p', 'default/f', 'default/d', 'default/u'].map((id) => ({ kind: 'policy.remove', id }) as const),
      )
      await expectPass(...icmp(scene.outside, self), ...tcp(self, scene.outside), ...tcp(scene.outside, a))
      assert.equal(
        await sh(
          `(iptables-${variant}-save; ip6tables-${variant}-save) | grep -E 'cali-([ft]h|failsafe|p[io]-)'; true`,
        ),
        '',
      )
    })

    test('no packet to a failsafe port is lost while host endpoints come, change and go', async () => {
      const arrived = async (): Promise<number> =>
        (await sh("awk '/^Udp: [0-9]/ {print $2 + $3 + $4}' /proc/net/snmp")).split('\n').map(Number)[0] ?? 0
      const lossDuring = async (work: () => Promise<void>): Promise<number> => {
        const start = await arrived()
        const [sent] = await Promise.all([scene.outside.peer.flood(UPLINK[4], 81, 1500), work()])
        await waitFor('all to have arrived', async () => (await arrived()) - start >= sent, { deadlineMs: 1000 }).catch(
          () => undefined,
        )
        return Math.max(0, sent - ((await arrived()) - start))
      }
      assert.equal(await lossDuring(async () => undefined), 0, 'control')
      const loss = await lossDuring(async () => {
        for (let round = 0; round < 4; round++) {
          scene.send(
            policy('default/p', [calcRule('deny')]),
            hostEndpoint({ tiers: tier(['default/p']), preDnatTiers: tier(['default/p']), untrackedTiers: tier([]) }),
          )
          await waitFor('up', () => scene.states.get('h') === 'up')
          scene.send(
            hostEndpoint({ name: 'all', interfaceName: '*' }),
            policy('default/p', [calcRule('deny', to(1)), calcRule('deny')]),
          )
          await waitFor('up', () => scene.states.get('all') === 'up')
          scene.send(gone(), gone('all'))
          await waitFor('gone', () => !scene.states.has('h'))
        }
      })
      assert.equal(loss, 0)
    })
  })
}

function hostEndpointOf(): HostEndpoint {
  const message = hostEndpoint()
  return message.kind === 'host-endpoint.update' ? message.endpoint : assert.fail('unreachable')
}
