import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parseCidr } from '@calico-node/model'
import type { CalcMessage, CalcRule, EndpointTier, PortSpec } from '../calc/messages.ts'
import {
  bothVersions,
  expectDrop,
  expectPass,
  HostScene,
  openProfile,
  type Probe,
  sh,
  update,
  VARIANTS,
  type Workload,
} from './host-scene.test.ts'
import { requireOwnNamespace } from '@calico-node/testkit'
import { calcRule } from '../calc/rule-fixture.test.ts'

requireOwnNamespace()

const single = (port: number): PortSpec => ({ first: port, last: port })
const policy = (id: string, ingress: readonly CalcRule[], egress: readonly CalcRule[] = []): CalcMessage => ({
  kind: 'policy.update',
  id,
  rules: { ingress, egress },
})
const tier = (
  name: string,
  defaultAction: 'Deny' | 'Pass',
  ingress: readonly string[],
  egress: readonly string[] = [],
): EndpointTier => ({ name, defaultAction, ingress, egress })

for (const variant of VARIANTS) {
  describe(`policy, iptables-${variant}`, () => {
    let host: HostScene
    let a: Workload
    let b: Workload
    let c: Workload
    const icmp = (from: Workload): Probe[] => bothVersions({ from, to: b })
    const tcp = (from: Workload, port = 80): Probe[] => bothVersions({ from, to: b, protocol: 'tcp', port })
    const udp = (from: Workload, port = 80): Probe[] => bothVersions({ from, to: b, protocol: 'udp', port })
    const nets = (...workloads: readonly Workload[]): { nets: Workload['endpoint']['nets'] } => ({
      nets: workloads.flatMap(({ endpoint }) => endpoint.nets),
    })

    /** One policy in the default tier of b. */
    const ingress = (...rules: readonly CalcRule[]): void =>
      host.send(
        policy('default/p', rules),
        update(b, { tiers: [tier('default', 'Deny', ['default/p'])], profiles: ['open'] }),
      )

    before(async () => {
      host = await HostScene.create(variant)
      ;[a, b, c] = [await host.addWorkload('a', 1), await host.addWorkload('b', 2), await host.addWorkload('c', 3)]
      await host.start()
      const member = (workload: Workload): string[] => [workload.ip[4], workload.ip[6]]
      host.send(
        { kind: 'ipset.update', id: 's:a', type: 'hash:net', members: member(a) },
        { kind: 'ipset.update', id: 's:all', type: 'hash:net', members: [...member(a), ...member(b), ...member(c)] },
        { kind: 'ipset.update', id: 'n:http', type: 'hash:ip,port', members: member(b).map((ip) => `${ip},tcp:80`) },
        openProfile(),
        ...[a, b, c].map((each) => update(each, { profiles: ['open'] })),
        { kind: 'in-sync' },
      )
      await host.converged()
    })
    after(() => host.destroy())

    test('a policy that allows nothing denies all, whatever the profile says', async () => {
      ingress()
      await expectDrop(...icmp(a), ...tcp(a), ...udp(c))
      await expectPass(...bothVersions({ from: b, to: a }))
    })

    test('protocol and port', async () => {
      ingress(calcRule('allow', { protocol: 6, to: { ports: [single(80)] } }))
      await expectPass(...tcp(a), ...tcp(c))
      await expectDrop(...tcp(a, 81), ...udp(a), ...icmp(a))
    })

    test('everything but a protocol, everything but a port', async () => {
      ingress(calcRule('deny', { protocol: 6, to: { notPorts: [single(81)] } }), calcRule('allow', { notProtocol: 17 }))
      await expectPass(...tcp(a, 81), ...icmp(a))
      await expectDrop(...tcp(a, 80), ...udp(a))
    })

    test('ICMP type', async () => {
      const echo = calcRule('allow', { protocol: 1, icmp: { type: 8, code: 0 } })
      ingress(echo, calcRule('allow', { protocol: 58, icmp: { type: 128 } }))
      await expectPass(...icmp(a))
      ingress(
        calcRule('allow', { protocol: 1, notIcmp: { type: 8 } }),
        calcRule('allow', { protocol: 58, notIcmp: { type: 128 } }),
      )
      await expectDrop(...icmp(a))
    })

    test('one IP version', async () => {
      ingress(calcRule('allow', { ipVersion: 4 }))
      await expectPass({ from: a, to: b, version: 4 })
      await expectDrop({ from: a, to: b, version: 6 })
    })

    test('nets, and nets with exceptions', async () => {
      ingress(calcRule('allow', { from: nets(a) }))
      await expectPass(...icmp(a))
      await expectDrop(...icmp(c))
      const pool = [parseCidr('10.65.0.0/24'), parseCidr('fd00:65::/64')]
      ingress(calcRule('allow', { from: { nets: pool, notNets: a.endpoint.nets } }))
      await expectPass(...icmp(c))
      await expectDrop(...icmp(a))
      ingress(
        calcRule('allow', {
          from: { notNets: [...a.endpoint.nets, parseCidr('10.65.0.8/30'), parseCidr('fd00:65::8/126')] },
        }),
      )
      await expectPass(...icmp(c))
      await expectDrop(...icmp(a))
    })

    test('lists of nets on both sides and many ports: each list counts', async () => {
      const ports = [...Array.from({ length: 16 }, (_, i) => single(1000 + i)), single(80)]
      const elsewhere = [parseCidr('10.65.0.200/32'), parseCidr('fd00:65::200/128')]
      const more = { nets: [...a.endpoint.nets, ...elsewhere] }
      ingress(calcRule('allow', { protocol: 6, from: more, to: { nets: [...b.endpoint.nets, ...elsewhere], ports } }))
      await expectPass(...tcp(a, 80))
      await expectDrop(...tcp(a, 81), ...tcp(c, 80), ...icmp(a))
      ingress(calcRule('allow', { protocol: 6, from: more, to: { nets: elsewhere, ports } }))
      await expectDrop(...tcp(a, 80), ...tcp(a, 81))
    })

    test('sets of selectors and of named ports follow their members', async () => {
      ingress(calcRule('allow', { protocol: 6, from: { sets: ['s:a'] }, to: { portSets: ['n:http'] } }))
      await expectPass(...tcp(a))
      await expectDrop(...tcp(c), ...tcp(a, 81))
      host.send({ kind: 'ipset.delta', id: 's:a', added: [c.ip[4], c.ip[6]], removed: [a.ip[4], a.ip[6]] })
      await expectPass(...tcp(c))
      await expectDrop(...tcp(a))
      host.send({ kind: 'ipset.delta', id: 's:a', added: [a.ip[4], a.ip[6]], removed: [c.ip[4], c.ip[6]] })
      ingress(calcRule('allow', { from: { sets: ['s:all'], notSets: ['s:a'] } }))
      await expectPass(...icmp(c))
      await expectDrop(...icmp(a))
    })

    test('the first rule that matches decides; Log decides nothing', async () => {
      ingress(calcRule('log'), calcRule('deny', { from: nets(a) }), calcRule('allow'))
      await expectPass(...icmp(c))
      await expectDrop(...icmp(a))
      const save = await sh(`iptables-${variant}-save -c -t filter`)
      assert.match(save, /\[[1-9]\d*:\d+\] -A cali-pi-default\/p .*-j LOG --log-prefix "calico-packet: "/)
    })

    test('egress of the sender counts as well', async () => {
      ingress(calcRule('allow'))
      host.send(policy('default/out', [], [calcRule('deny', { protocol: 6 }), calcRule('allow')]))
      host.send(update(a, { tiers: [tier('default', 'Deny', [], ['default/out'])], profiles: ['open'] }))
      await expectPass(...icmp(a), ...tcp(c))
      await expectDrop(...tcp(a))
      host.send(update(a, { profiles: ['open'] }))
      await expectPass(...tcp(a))
    })

    test('policies of a tier in order, and tiers in order', async () => {
      const send = (first: EndpointTier[]): void =>
        host.send(
          policy('sec/allow-a', [calcRule('allow', { from: nets(a) })]),
          policy('sec/pass-c', [calcRule('pass', { from: nets(c) })]),
          policy('sec/deny', [calcRule('deny')]),
          policy('default/p', [calcRule('deny', { protocol: 6 }), calcRule('allow')]),
          update(b, { tiers: [...first, tier('default', 'Deny', ['default/p'])], profiles: ['open'] }),
        )
      send([tier('sec', 'Deny', ['sec/allow-a', 'sec/pass-c', 'sec/deny'])])
      await expectPass(...tcp(a), ...icmp(c))
      await expectDrop(...tcp(c), ...bothVersions({ from: host.outside, to: b }))
      send([tier('sec', 'Deny', ['sec/deny', 'sec/allow-a', 'sec/pass-c'])])
      await expectDrop(...icmp(a), ...icmp(c))
    })

    test('the end of a tier denies or passes on; the last one passes to the profiles', async () => {
      const send = (action: 'Deny' | 'Pass'): void =>
        host.send(
          policy('sec/allow-a', [calcRule('allow', { from: nets(a) })]),
          update(b, { tiers: [tier('sec', action, ['sec/allow-a'])], profiles: ['open'] }),
        )
      send('Deny')
      await expectPass(...icmp(a))
      await expectDrop(...icmp(c))
      send('Pass')
      await expectPass(...icmp(a), ...icmp(c))
      host.send(update(b, { tiers: [tier('sec', 'Pass', ['sec/allow-a'])], profiles: [] }))
      await expectDrop(...icmp(c))
    })

    test('policies and sets that nobody needs any more leave no trace', async () => {
      host.send(
        update(b, { profiles: ['open'] }),
        ...['default/p', 'default/out', 'sec/allow-a', 'sec/pass-c', 'sec/deny'].map(
          (id) => ({ kind: 'policy.remove', id }) as const,
        ),
        ...['s:a', 's:all', 'n:http'].map((id) => ({ kind: 'ipset.remove', id }) as const),
      )
      await expectPass(...icmp(c))
      const left = async (): Promise<string> =>
        sh(`iptables-${variant}-save | grep -E 'cali-p[io]-'; ipset list -n | grep -v pools; true`)
      assert.equal(await left(), '')
    })
  })
}
