/** The documents' commands that need no host: what they print, what they return, and what then stands in etcd. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { initialise } from '@calico-node/datastore'
import { makeResource } from '@calico-node/model'
import { TestCluster } from './harness.test.ts'

let cluster: TestCluster
before(async () => {
  cluster = await TestCluster.start()
})
after(() => cluster.stop())

const endpoint = (name: string, node = 'host-a') =>
  makeResource(
    'WorkloadEndpoint',
    { namespace: 'default' },
    {
      node,
      orchestrator: 'docker',
      workload: name,
      endpoint: `${name}0`,
      ipNetworks: ['192.168.1.1/32'],
      interfaceName: `cali${name}`,
    },
  )

beforeEach(async () => {
  await cluster.wipe()
  await initialise(cluster.client)
  await cluster.client
    .resources('Node')
    .create(makeResource('Node', { name: 'host-a' }, { bgp: { ipv4Address: '10.20.0.1/24' } }))
  await cluster.client.resources('WorkloadEndpoint').create(endpoint('web'))
})

const ok: TestCluster['ok'] = async (...args) => cluster.ok(...args)
const fails: TestCluster['fails'] = async (...args) => cluster.fails(...args)
const profile = async (name: string) => (await cluster.client.resources('Profile').get(name)).spec
const profilesOfWeb = async () =>
  (await cluster.client.resources('WorkloadEndpoint').list()).map(({ spec }) => spec.profiles ?? [])

describe('profile', () => {
  test('add keeps the name as typed, once', async () => {
    assert.equal(await ok('profile add PROF_A_B'), 'Created profile PROF_A_B\n')
    assert.equal(await ok('profile add PROF_A_B'), 'Profile PROF_A_B already exists.\n')
    assert.deepEqual((await profile('prof-a-b-2d6a3311')).labelsToApply, { PROF_A_B: '' })
    assert.match(await ok('profile show'), /\| PROF_A_B +\|/)
  })
  test('add leaves a legal name alone', async () => {
    await ok('profile add web')
    assert.deepEqual((await profile('web')).labelsToApply, { web: '' })
  })
  test('add refuses a name of other letters', () => fails('profile add a/b', /Cannot name a profile "a\/b"/))
  test('remove refuses while endpoints have it, unless told not to check', async () => {
    await ok('profile add web')
    await ok('container web profile set web')
    await fails('profile remove web', /endpoints have it \(web on host-a\). Use --no-check/)
    assert.equal(await ok('profile remove web --no-check'), 'Deleted profile web\n')
  })
  test('remove names the nearest profile', async () => {
    await ok('profile add PROF_A_B')
    await fails('profile remove PROF_AB', /Profile with name PROF_AB was not found. Did you mean "PROF_A_B"\?/)
  })
  test('tag add, show and remove edit the labels', async () => {
    await ok('profile add web')
    await ok('profile web tag add PUBLIC')
    assert.equal(await ok('profile web tag show'), 'PUBLIC\nweb\n')
    await ok('profile web tag remove web')
    assert.deepEqual((await profile('web')).labelsToApply, { PUBLIC: '' })
    await fails('profile web tag remove nosuch', /has no tag nosuch/)
    await fails('profile web tag add /x', /Cannot use tag "\/x"/)
  })
  test('rule add, show and remove edit the rules', async () => {
    await ok('profile add web')
    await ok('profile web rule add inbound --at=1 deny tcp from cidr 10.0.0.0/8 to ports 22,80:90')
    await ok('profile web rule add outbound allow')
    assert.equal(
      await ok('profile web rule show'),
      'Inbound rules:\n   1 deny tcp from cidr 10.0.0.0/8 to ports 22,80:90\n   2 allow from tag web\nOutbound rules:\n   1 allow\n',
    )
    await ok('profile web rule remove inbound --at=2')
    await ok('profile web rule remove outbound allow')
    assert.equal(
      await ok('profile web rule show'),
      'Inbound rules:\n   1 deny tcp from cidr 10.0.0.0/8 to ports 22,80:90\nOutbound rules:\n',
    )
    await fails('profile web rule remove inbound --at=2', /no inbound rule 2; there are 1/)
    await fails('profile web rule remove inbound', /Say which rule to remove/)
    await fails('profile web rule add sideways allow', /direction "sideways": want inbound or outbound/)
    await fails('profile web rule add inbound allow icmp to ports 80', /ports/)
  })
  test("rule json and rule update are each other's reverse", async () => {
    await ok('profile add web')
    await ok('profile web rule add inbound allow icmp type 8 from tag probe')
    const json = await ok('profile web rule json')
    assert.deepEqual(JSON.parse(json), {
      id: 'web',
      inbound_rules: [
        { action: 'allow', src_tag: 'web' },
        { action: 'allow', protocol: 'icmp', icmp_type: 8, src_tag: 'probe' },
      ],
      outbound_rules: [{ action: 'allow' }],
    })
    const before = await profile('web')
    await ok('profile web rule update', '{"id": "web", "inbound_rules": [], "outbound_rules": []}')
    assert.deepEqual([(await profile('web')).ingress, (await profile('web')).egress], [undefined, undefined])
    await ok('profile web rule update', json)
    assert.deepEqual(await profile('web'), before)
    await fails(
      'profile web rule update',
      /Rules are for profile "other"/,
      '{"id": "other", "inbound_rules": [], "outbound_rules": []}',
    )
    await fails('profile web rule update', /"inbound_rules" must be a list/, '{"id": "web"}')
    await fails('profile web rule update', /Cannot read the rules/, 'nonsense')
  })
})

describe('profiles of an endpoint', () => {
  beforeEach(async () => {
    for (const name of ['A', 'B', 'C']) await ok(`profile add ${name}`)
  })
  test('set replaces, append adds, remove takes away', async () => {
    const [a, b, c] = await Promise.all(
      ['A', 'B', 'C'].map(async (name) => {
        const found = (await cluster.client.resources('Profile').list()).find(({ spec }) =>
          Object.hasOwn(spec.labelsToApply ?? {}, name),
        )
        return found?.metadata.name ?? ''
      }),
    )
    assert.equal(await ok('container web profile set A B'), 'Profile(s) set to A, B.\n')
    assert.deepEqual(await profilesOfWeb(), [[a, b]])
    assert.equal(await ok('endpoint web0 profile append C'), 'Profile(s) appended.\n')
    assert.equal(await ok('container web profile remove A'), 'Profile(s) removed.\n')
    assert.deepEqual(await profilesOfWeb(), [[b, c]])
    assert.equal(await ok('endpoint web0 profile show'), 'B\nC\n')
    assert.equal(await ok('container web profile set'), 'Profile(s) cleared.\n')
    assert.deepEqual(await profilesOfWeb(), [[]])
  })
  test('mistakes are named', async () => {
    await ok('container web profile set A')
    await fails('container web profile append A', /Profile A is already in the list/)
    await fails('container web profile remove B', /Profile B is not in the list/)
    await fails('container web profile set A A', /Profile A is given twice/)
    await fails('container web profile set nosuch', /Profile with name nosuch was not found/)
    await fails('container web profile append', /Name the profiles to append/)
    await fails('container nosuch profile set A', /Cannot find an endpoint of container "nosuch"/)
  })
  test('changes of several at once are not lost', async () => {
    await Promise.all(['A', 'B', 'C'].map((name) => ok(`container web profile append ${name}`)))
    assert.equal((await profilesOfWeb())[0]?.length, 3)
  })
  test('an ambiguous endpoint asks for more', async () => {
    const twin = makeResource(
      'WorkloadEndpoint',
      { namespace: 'default' },
      { ...endpoint('db', 'host-b').spec, endpoint: 'web0' },
    )
    await cluster.client.resources('WorkloadEndpoint').create(twin)
    await fails(
      'endpoint web0 profile set A',
      /Several endpoints match "web0": .*--host host-b --orchestrator docker --workload db/,
    )
    await ok('endpoint web0 profile set A --host=host-b')
  })
})

describe('endpoint show', () => {
  test('counts and lists', async () => {
    await cluster.client.resources('WorkloadEndpoint').create(endpoint('db', 'host-b'))
    assert.match(await ok('endpoint show'), /\| host-a +\| docker +\| +1 \| +1 \|/)
    assert.match(
      await ok('endpoint show --detailed --host=host-b'),
      /\| host-b +\| docker +\| db +\| db0 +\| 192\.168\.1\.1\/32/,
    )
    assert.doesNotMatch(await ok('endpoint show --detailed --workload=db'), /host-a/)
  })
})

describe('pool', () => {
  const pools = async () =>
    (await cluster.client.resources('IPPool').list()).map(({ metadata, spec }) => [
      metadata.name,
      spec.cidr,
      spec.ipipMode,
      spec.natOutgoing === true,
    ])
  test('add, show and remove', async () => {
    assert.equal(await ok('pool add 10.65.0.0/16 --ipip --nat-outgoing'), 'Pool 10.65.0.0/16 added\n')
    await ok('pool add fd65::/64')
    assert.deepEqual(await pools(), [
      ['10-65-0-0-16', '10.65.0.0/16', 'Always', true],
      ['fd65---64', 'fd65::/64', 'Never', false],
    ])
    assert.match(
      await ok('pool show --ipv4'),
      /^\+-+\+-+\+\n\| +IPv4 CIDR +\| +Options +\|\n\+-+\+-+\+\n\| 10\.65\.0\.0\/16 \| ipip,nat-outgoing \|/,
    )
    assert.match(await ok('pool show --ipv6'), /fd65::\/64/)
    await ok('pool remove 10.65.0.0/16')
    assert.equal((await pools()).length, 1)
    assert.match(await ok('pool show'), /No IPv4 pools/)
  })
  test('range add makes the fewest pools', async () => {
    assert.equal(await ok('pool range add 10.65.0.0 10.65.2.255'), 'Pool 10.65.0.0/23 added\nPool 10.65.2.0/24 added\n')
  })
  test('mistakes are named', async () => {
    await ok('pool add 10.65.0.0/16')
    await fails('pool add 10.65.1.0/24', /10\.65/)
    await fails('pool add 10.65.0.1/16', /10\.65\.0\.0\/16/)
    await fails('pool remove 10.66.0.0/16', /10\.66\.0\.0\/16 is not a configured pool; there are 10\.65\.0\.0\/16/)
    await fails('pool range add 10.0.0.9 10.0.0.1', /end comes before the start/)
  })
})

describe('bgp', () => {
  const peers = async () =>
    (await cluster.client.resources('BGPPeer').list()).map(({ metadata, spec }) => [
      metadata.name,
      spec.node,
      spec.peerIP,
      spec.asNumber,
    ])
  test('peers of all nodes and of this one', async () => {
    await ok('bgp peer add 10.0.0.254 as 65001')
    await ok('bgp peer add fd00::1 as 65002')
    await ok('node bgp peer add 10.0.0.253 as 1.10')
    assert.deepEqual(await peers(), [
      ['global-10-0-0-254', undefined, '10.0.0.254', 65001],
      ['global-fd00-0000-0000-0000-0000-0000-0000-0001', undefined, 'fd00::1', 65002],
      ['node-host-a-10-0-0-253', 'host-a', '10.0.0.253', 65546],
    ])
    assert.match(await ok('bgp peer show --ipv4'), /Global IPv4 BGP Peer[\s\S]*\| 10\.0\.0\.254 +\| +65001 \|/)
    assert.match(await ok('node bgp peer show'), /10\.0\.0\.253[\s\S]*No node specific IPv6 BGP Peers defined\./)
    await ok('bgp peer remove 10.0.0.254')
    await ok('node bgp peer remove 10.0.0.253')
    assert.equal((await peers()).length, 1)
    await fails('bgp peer remove 10.0.0.254', /No BGP peer 10\.0\.0\.254 for all nodes/)
    await fails('bgp peer add 10.0.0.254 65001 x', /"65001" stands where "as" is wanted/)
    await fails('bgp peer add 10.0.0.254 as 4294967296', /4294967296/)
  })
  test('mesh and AS number', async () => {
    assert.equal(await ok('bgp node-mesh'), 'on\n')
    await ok('bgp node-mesh off')
    assert.equal(await ok('bgp node-mesh'), 'off\n')
    assert.equal(await ok('bgp default-node-as'), '64512\n')
    await ok('bgp default-node-as 64999')
    assert.equal(await ok('bgp default-node-as'), '64999\n')
    const { spec } = await cluster.client.resources('BGPConfiguration').get('default')
    assert.deepEqual([spec.nodeToNodeMeshEnabled, spec.asNumber], [false, 64999])
    await fails('bgp node-mesh maybe', /want on or off/)
  })
})

describe('node', () => {
  test('show lists addresses and AS numbers', async () => {
    await cluster.client
      .resources('Node')
      .create(makeResource('Node', { name: 'host-b' }, { bgp: { ipv6Address: 'fd00::2/64', asNumber: 65001 } }))
    const text = await ok('node show')
    assert.match(text, /\| host-a +\| 10\.20\.0\.1\/24 \| +\| 64512 \(inherited\) \|/)
    assert.match(text, /\| host-b +\| +\| fd00::2\/64 +\| +65001 \|/)
  })
  test('remove refuses while there are endpoints, and then takes everything', async () => {
    await fails('node remove --hostname=host-a', /it has endpoints \(web\)\. Use --remove-endpoints/)
    assert.equal(await ok('node remove --hostname=host-a --remove-endpoints'), 'Node host-a removed\n')
    assert.ok(!Object.keys(await cluster.everything()).some((key) => /host-a|host--a/.test(key)))
    await fails('node remove --hostname=host-a', /host-a/)
  })
})

describe('version --poll', () => {
  test('prints what changes', async () => {
    const interrupt = new AbortController()
    let seen = ''
    const polling = cluster.cli('version --poll 100ms', {
      signal: interrupt.signal,
      onOutput: (text) => {
        seen += text
      },
    })
    await waitFor('the first answer', () => /Cluster Version: +unknown/.test(seen))
    await cluster.client
      .resources('ClusterInformation')
      .modify('default', undefined, (stored) => ({ ...stored, spec: { ...stored.spec, calicoVersion: 'v3.31.0' } }))
    await waitFor('the change', () => /Cluster Version: +v3\.31\.0/.test(seen))
    interrupt.abort()
    assert.equal((await polling).exit, 0)
    assert.equal(seen.match(/unknown\nCluster Type/g)?.length, 1)
  })
})

describe('config', () => {
  test('log levels of Felix, of BGP, and of BGP on one node', async () => {
    await ok('config felix loglevel debug')
    await ok('config bgp loglevel Warning')
    await ok('config node bgp loglevel error')
    assert.equal((await cluster.client.resources('FelixConfiguration').get('default')).spec.logSeverityScreen, 'Debug')
    assert.equal((await cluster.client.resources('BGPConfiguration').get('default')).spec.logSeverityScreen, 'Warning')
    assert.equal(
      (await cluster.client.resources('BGPConfiguration').get('node.host-a')).spec.logSeverityScreen,
      'Error',
    )
    assert.equal(await ok('config felix loglevel'), 'Debug\n')
    await ok('config bgp loglevel --remove')
    assert.equal(await ok('config bgp loglevel'), 'Info (default)\n')
    assert.equal(await ok('config node bgp loglevel --node=host-z'), 'Info (default)\n')
  })
  test('mistakes are named', async () => {
    await fails('config felix logleval debug', /did you mean "loglevel"\?/)
    await fails('config felix loglevel loud', /want Trace, Debug, Info/)
    await fails('config felix loglevel debug --remove', /Give a value or --remove/)
  })
})
