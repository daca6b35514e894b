// `calicoctl trace --live` names the very kernel rules that decide: they count the packets that are fired, and no others do.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { countedPlaces, findEnds, judge, pairUp, surroundingsOf, type CountedHit } from '@calico-node/calicoctl'
import { readRuleCounters } from '@calico-node/linux'
import { makeResource, type Resource } from '@calico-node/model'
import { World } from '@calico-node/policy'
import { VARIANTS } from './kernel/felix-node.ts'
import { forgetFlows } from './kernel/flows.ts'
import { addressesOf, endpointOf, interfaceOf, NODE, Scene } from './kernel/scene.ts'

const PACKETS = 5
const rules = [
  { action: 'Log' as const, protocol: 'TCP' as const, destination: { ports: [90] } },
  { action: 'Deny' as const, protocol: 'TCP' as const, destination: { ports: [81, 82] } },
  { action: 'Allow' as const, protocol: 'TCP' as const, source: { selector: "has(good) || role == 'client'" } },
]
const RESOURCES: readonly Resource[] = [
  makeResource('Tier', { name: 'default' }, { order: 1_000_000 }),
  makeResource('Profile', { name: 'open' }, { egress: [{ action: 'Allow' }] }),
  makeResource(
    'GlobalNetworkPolicy',
    { name: 'web' },
    { selector: "role == 'web'", ingress: rules, types: ['Ingress'] },
  ),
  endpointOf('a', { labels: { good: '' } }, { profiles: ['open'] }),
  endpointOf('b', { labels: { role: 'web' } }, { profiles: ['open'] }),
  endpointOf('c', {}, { profiles: ['open'] }),
]

/** Who decides, in words; the decision's stage is that of the receiver. */
const ROWS: readonly (readonly [why: string, from: string, port: number, kind: string, verdict: 'allow' | 'deny'])[] = [
  ['a rule that allows by a selector', 'a', 80, 'policy', 'allow'],
  ['a rule that denies a port', 'a', 81, 'policy', 'deny'],
  ['the end of the tier', 'c', 80, 'end-of-tier', 'deny'],
]

for (const variant of VARIANTS) {
  describe(`trace --live, iptables-${variant}`, () => {
    let scene: Scene
    before(async () => {
      scene = await Scene.create({ variant, workloads: ['a', 'b', 'c'] })
      await scene.start(RESOURCES)
      await scene.felix.apply(RESOURCES)
    })
    after(() => scene.stop())

    for (const [why, from, port, kind, verdict] of ROWS) {
      test(`finds ${why}`, async () => {
        const live = { resources: RESOURCES, nodes: [], felix: [] }
        const world = new World(RESOURCES)
        const [source, destination] = [addressesOf(from)[0], addressesOf('b')[0]]
        const ends = pairUp(findEnds(live, source), findEnds(live, destination))
        const flow = { ...ends, protocol: 6, destinationPort: port, sourcePort: 40_000 }
        const judged = judge(world, flow, surroundingsOf(live, 'eth0'))
        assert.equal(judged.action, verdict)
        assert.equal(judged.hosts[0]?.node, NODE)
        const stage =
          judged.hosts[0].stages.find(({ direction }) => direction === 'ingress') ?? assert.fail('not asked')
        assert.equal(stage.decision.kind, kind)
        const deciding = async (): Promise<CountedHit> => {
          const hits = countedPlaces(stage, world, await readRuleCounters(4)).flatMap(({ hits: all }) => all)
          const found = hits.filter(({ decides }) => decides)
          assert.equal(
            found.length,
            1,
            JSON.stringify(hits, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
          )
          return found[0] ?? assert.fail('none')
        }
        const earlier = await deciding()
        const packet = { source, destination, protocol: 6, sourcePort: 40_000, destinationPort: port }
        for (let i = 0; i < PACKETS; i++) {
          forgetFlows()
          await scene.wires.fire([{ packet, from: interfaceOf(from), to: interfaceOf('b') }])
        }
        const later = await deciding()
        assert.equal(later.rule.id, earlier.rule.id)
        assert.equal(later.rule.packets - earlier.rule.packets, BigInt(PACKETS), later.rule.text)
      })
    }
  })
}
