import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { expand } from '@calico-node/testkit'
import { type DataState, FLUSHINGS, type Receiver, stored, walk, workload } from './graph-testing.ts'
import type { EndpointTier } from './messages.ts'

const allow = (side: 'source' | 'destination', selector: string) => ({ action: 'Allow', [side]: { selector } })
const state = (...entries: [string, string][]): DataState => new Map(entries)
/** The members of each set, joined. */
const membersOf = (receiver: Receiver): string[] =>
  [...receiver.sets.values()].map((set) => [...set].toSorted().join()).toSorted()
const tiersOf = (receiver: Receiver, name = 'a'): readonly EndpointTier[] | undefined =>
  receiver.workloads.get(`lab default/${name} eth0`)?.tiers

/* Whole datastores; later ones build on earlier ones. */
const a = workload('a', { ips: ['10.0.0.1', 'fd00::1'], labels: { role: 'web' }, profiles: ['prof'] })
const b = workload('b', { node: 'there', ips: ['10.0.0.2'], labels: { role: 'db' }, profiles: ['prof'] })
const prof = stored('profiles', 'prof', {
  labelsToApply: { zone: 'z1' },
  ingress: [allow('source', "zone == 'z1'")],
  egress: [{ action: 'Allow' }],
})
const tier = (name: string, spec: object) => stored('tiers', name, { ...spec })
const base = state(a, b, prof, tier('default', { order: 1_000_000, defaultAction: 'Deny' }))
const webFromDb = stored('globalnetworkpolicies', 'default.web', {
  selector: "role == 'web'",
  types: ['Ingress'],
  ingress: [allow('source', "role == 'db'")],
})
const withPolicy = state(...base, webFromDb)
const dbMoved = state(...withPolicy, workload('b', { node: 'there', ips: ['10.0.0.9'], labels: { role: 'db' } }))
const roleLost = state(...withPolicy, workload('a', { ips: ['10.0.0.1'], profiles: ['prof'] }))
const profileGone = state(...[...withPolicy].filter(([key]) => !key.includes('/profiles/')))
const invalidPolicy = state(
  ...base,
  stored('globalnetworkpolicies', 'default.web', { selector: 'role ==', types: ['Ingress'] }),
)
const hosts = state(
  ...withPolicy,
  stored(
    'hostendpoints',
    'eth',
    { node: 'here', interfaceName: 'eth0', expectedIPs: ['192.0.2.1'] },
    { labels: { role: 'web' } },
  ),
  stored('hostendpoints', 'far', { node: 'there', expectedIPs: ['192.0.2.2'] }, { labels: { role: 'db' } }),
  stored('globalnetworkpolicies', 'default.raw', {
    selector: "role == 'web'",
    doNotTrack: true,
    applyOnForward: true,
    ingress: [{ action: 'Allow' }],
  }),
)

describe('CalcGraph', () => {
  test('a tier that policies name and that does not exist is told, until it exists or nobody names it', () => {
    const lost = stored('globalnetworkpolicies', 'lost.p', { tier: 'lost', selector: 'all()' })
    const idle = stored('globalnetworkpolicies', 'idle.p', { tier: 'idle', selector: "role == 'nobody'" })
    const notices = (...states: DataState[]): string[] => [...walk(states).notices.values()]
    const missing = state(...base, lost, idle)
    assert.deepEqual(notices(missing), [
      'Tier lost does not exist: its policies come after all others and deny what they do not allow',
    ])
    assert.deepEqual(notices(missing, state(...missing, tier('lost', { order: 1 }))), [])
    assert.deepEqual(notices(missing, base), [])
  })

  test('an endpoint of this node comes with its profile, whose selectors see labels that the profile gives', () => {
    const receiver = walk([base])
    assert.deepEqual([...receiver.workloads.keys()], ['lab default/a eth0'])
    assert.deepEqual([...receiver.profiles.keys()], ['prof'])
    assert.deepEqual(membersOf(receiver), ['10.0.0.1,10.0.0.2,fd00::1'])
    assert.deepEqual(tiersOf(receiver), [])
  })

  test('a policy enters the endpoints that it selects, in the directions that it has', () => {
    const receiver = walk([withPolicy])
    assert.deepEqual(tiersOf(receiver), [
      { name: 'default', defaultAction: 'Deny', ingress: ['default/default.web'], egress: [] },
    ])
    assert.ok(membersOf(receiver).includes('10.0.0.2'))
  })

  test('a policy that selects nobody here is not sent, nor its sets', () => {
    const receiver = walk([roleLost])
    assert.deepEqual([...receiver.policies.keys()], [])
    assert.equal(receiver.sets.size, 1)
  })

  test('a policy with the hint is sent whether or not it selects anybody', () => {
    const hinted = stored('globalnetworkpolicies', 'default.h', {
      selector: 'has(nothing)',
      performanceHints: ['AssumeNeededOnEveryNode'],
    })
    assert.deepEqual([...walk([state(...base, hinted)]).policies.keys()], ['default/default.h'])
  })

  test('a profile that is missing denies everything, and so does one that is invalid', () => {
    const deny = [{ action: 'deny' }]
    for (const last of [
      profileGone,
      state(...profileGone, stored('profiles', 'prof', { ingress: [{ action: 'Maybe' }] })),
    ]) {
      const rules = walk([withPolicy, last]).profiles.get('prof')
      assert.deepEqual(
        [rules?.ingress.map(({ action }) => ({ action })), rules?.egress.map(({ action }) => ({ action }))],
        [deny, deny],
      )
    }
  })

  test('the default-allow profile needs no resource', () => {
    const endpoint = workload('a', { ips: ['10.0.0.1'], profiles: ['projectcalico-default-allow'] })
    assert.equal(walk([state(endpoint)]).profiles.get('projectcalico-default-allow')?.ingress[0]?.action, 'allow')
  })

  test('an invalid policy counts as missing, also when a valid one stood under its key', () => {
    assert.deepEqual(tiersOf(walk([withPolicy, invalidPolicy])), [])
  })

  test('an endpoint without addresses does not exist', () => {
    assert.equal(walk([base, state(...base, workload('a', { ips: [] }))]).workloads.size, 0)
  })

  test('an address that two endpoints have stays until the second one loses it', () => {
    const twin = workload('c', { node: 'there', ips: ['10.0.0.2'], labels: { role: 'db' } })
    const both = state(...withPolicy, twin)
    const withoutFirst = state(...[...both].filter(([key]) => key !== b[0]))
    assert.ok(membersOf(walk([both, withoutFirst])).includes('10.0.0.2'))
    const withoutBoth = state(...[...withoutFirst].filter(([key]) => key !== twin[0]))
    assert.ok(membersOf(walk([both, withoutFirst, withoutBoth])).includes(''))
  })

  test('tiers come by order, those without one and those without a resource last; policies by order, then name', () => {
    const policy = (name: string, tierName: string, order?: number) =>
      stored('globalnetworkpolicies', name, {
        tier: tierName,
        order,
        ingress: [{ action: 'Pass' }],
        types: ['Ingress'],
      })
    const namespaced = stored(
      'networkpolicies',
      'sec.b',
      { tier: 'sec', order: 5, types: ['Ingress'] },
      { namespace: 'default' },
    )
    const receiver = walk([
      state(
        a,
        tier('sec', { order: 10, defaultAction: 'Pass' }),
        tier('zz', { order: 5 }),
        policy('default.x', 'default'),
        policy('sec.last', 'sec'),
        policy('sec.c', 'sec', 5),
        policy('sec.a', 'sec', 5),
        policy('sec.first', 'sec', -1),
        namespaced,
        policy('zz.one', 'zz', 1),
      ),
    ])
    assert.deepEqual(
      tiersOf(receiver)?.map(({ name, defaultAction, ingress }) => [name, defaultAction, ...ingress]),
      [
        ['zz', 'Deny', 'zz/zz.one'],
        ['sec', 'Pass', 'sec/sec.first', 'sec/default/sec.b', 'sec/sec.a', 'sec/sec.c', 'sec/sec.last'],
        ['default', 'Deny', 'default/default.x'],
      ],
    )
  })

  test('a policy may move to another tier under its key', () => {
    const inTier = (tierName: string) =>
      state(a, stored('globalnetworkpolicies', 'move', { tier: tierName, types: ['Ingress'] }))
    const receiver = walk([inTier('one'), inTier('two')])
    assert.deepEqual([...receiver.policies.keys()], ['two/move'])
    assert.deepEqual(
      tiersOf(receiver)?.map(({ name, ingress }) => [name, ...ingress]),
      [['two', 'two/move']],
    )
  })

  test('host endpoints get the special lists, workloads only the normal one', () => {
    const receiver = walk([hosts])
    const names = (tiers: readonly EndpointTier[] | undefined) => tiers?.flatMap(({ ingress }) => ingress)
    const host = receiver.hosts.get('eth')
    assert.deepEqual([...receiver.hosts.keys()], ['eth'])
    assert.deepEqual(
      [names(host?.tiers), names(host?.untrackedTiers), names(host?.forwardTiers)],
      [['default/default.web'], ['default/default.raw'], []],
    )
    assert.deepEqual(names(tiersOf(receiver)), ['default/default.web'])
    assert.ok(membersOf(receiver).includes('10.0.0.2,192.0.2.2'))
  })

  test('a host endpoint may move to another node', () => {
    const moved = state(...hosts, stored('hostendpoints', 'eth', { node: 'there', interfaceName: 'eth0' }))
    assert.equal(walk([hosts, moved]).hosts.size, 0)
    assert.equal(walk([moved, hosts]).hosts.size, 1)
  })

  test('pools come by CIDR; of two with one CIDR the lower name counts until it goes', () => {
    const pool = (name: string, natOutgoing: boolean) => stored('ippools', name, { cidr: '10.0.0.0/8', natOutgoing })
    const both = state(pool('b', false), pool('a', true))
    const nat = (receiver: Receiver) => JSON.stringify([...receiver.pools.values()]).includes('"natOutgoing":true')
    assert.equal(nat(walk([both])), true)
    assert.equal(nat(walk([both, state(pool('b', false))])), false)
    assert.equal(walk([both, state()]).pools.size, 0)
  })

  test('nodes come with the address of each family that others know them by', () => {
    const receiver = walk([
      state(
        stored('nodes', 'n1', {
          bgp: { ipv4Address: '192.0.2.1/24', ipv6Address: 'fd00::1/64' },
          addresses: [{ address: '198.51.100.1', type: 'InternalIP' }],
        }),
        stored('nodes', 'n2', {
          addresses: [
            { address: '203.0.113.2', type: 'ExternalIP' },
            { address: '198.51.100.2/24', type: 'InternalIP' },
          ],
        }),
      ),
    ])
    assert.deepEqual(
      [...receiver.nodes],
      [
        ['n1', ['192.0.2.1', 'fd00::1']],
        ['n2', ['198.51.100.2']],
      ],
    )
  })

  test('counts endpoints of both types, wherever they are, as they come, change and go', () => {
    const moved = state(...hosts, stored('hostendpoints', 'far', { node: 'here', expectedIPs: ['192.0.2.3'] }))
    const seen = [base, hosts, moved, base].map((_, at, all) => {
      const { workloads, hosts: others } = walk(all.slice(0, at + 1)).counts?.cluster ?? {}
      return [workloads, others]
    })
    assert.deepEqual(seen, [
      [2, 0],
      [2, 2],
      [2, 2],
      [2, 0],
    ])
  })

  describe('what is sent depends on the last state only', () => {
    const sequences: Record<string, readonly DataState[]> = {
      'policies come and go': [base, withPolicy, roleLost, withPolicy, dbMoved],
      'profiles vanish': [withPolicy, profileGone, base],
      'bad values': [base, invalidPolicy, withPolicy, invalidPolicy],
      'host endpoints': [withPolicy, hosts, base, hosts],
    }
    for (const [title, states] of Object.entries(sequences)) {
      for (const [run, path] of Object.entries(expand(states))) {
        for (const flushing of FLUSHINGS) {
          test(`${title}: ${run}, flushed ${flushing}`, () => {
            const [walked, direct] = [walk(path, flushing), walk(path.slice(-1))]
            assert.deepEqual(walked.content(), direct.content())
            assert.deepEqual(walked.counts, direct.counts)
          })
        }
      }
    }
  })
})
