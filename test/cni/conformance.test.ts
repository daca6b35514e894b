// The CNI specification, verb by verb and version by version, asked of the real plugins on a real kernel and etcd.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { findLink, listAddresses, listRoutes, run } from '@calico-node/linux'
import { requireOwnNamespace } from '@calico-node/testkit'
import { NODE, NOTHING_LEFT, Runtime, type Call, type Json } from './runtime.ts'

requireOwnNamespace()

let runtime: Runtime
before(async () => {
  runtime = await Runtime.start()
})
after(() => runtime.stop())
beforeEach(async () => {
  await runtime.reset()
  await runtime.addNetns('c1', 'c2')
})

const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']
const C1 = { path: '/run/netns/c1' }

describe('VERSION', () => {
  for (const plugin of ['calico', 'calico-ipam'] as const) {
    test(`of ${plugin} lists what is spoken, without a configuration`, async () => {
      const { status, json } = await runtime.call('VERSION', {
        plugin,
        stdin: '{"cniVersion":"1.0.0"}',
        netns: 'dummy',
      })
      assert.deepEqual([status, json['supportedVersions']], [0, VERSIONS])
    })
  }
})

describe('a request that cannot be served is refused with the code of the specification', () => {
  const cases: [what: string, command: string, call: () => Call, code: number, message: RegExp][] = [
    ['no command', '', () => ({}), 4, /CNI_COMMAND is missing/],
    ['an unknown command', 'DANCE', () => ({}), 4, /unknown CNI_COMMAND: DANCE/],
    ['no container', 'ADD', () => ({ env: { CNI_CONTAINERID: '' } }), 4, /CNI_CONTAINERID is missing/],
    [
      'a container id with a slash',
      'ADD',
      () => ({ env: { CNI_CONTAINERID: '../x' } }),
      4,
      /CNI_CONTAINERID is invalid/,
    ],
    ['no interface name', 'DEL', () => ({ env: { CNI_IFNAME: '' } }), 4, /CNI_IFNAME is missing/],
    ['an interface name that is too long', 'ADD', () => ({ ifname: 'a234567890123456' }), 4, /CNI_IFNAME is invalid/],
    ['an interface name with a colon', 'ADD', () => ({ ifname: 'eth0:1' }), 4, /CNI_IFNAME is invalid/],
    ['no namespace', 'ADD', () => ({ netns: '' }), 4, /CNI_NETNS is missing/],
    [
      'a namespace that does not exist',
      'ADD',
      () => ({ netns: 'nowhere' }),
      3,
      /namespace \/run\/netns\/nowhere does not exist/,
    ],
    ['arguments that are no pairs', 'ADD', () => ({ args: 'IP' }), 4, /CNI_ARGS is invalid/],
    ['a configuration that is no JSON', 'ADD', () => ({ stdin: '{' }), 6, /it is not JSON/],
    ['a configuration that is a list', 'ADD', () => ({ stdin: '[]' }), 6, /it is not an object/],
    ['a version of the future', 'ADD', () => ({ conf: { cniVersion: '9.0.0' } }), 1, /incompatible CNI versions/],
    ['CHECK before 0.4.0', 'CHECK', () => ({ conf: { cniVersion: '0.3.1' } }), 1, /does not allow CHECK/],
    ['GC before 1.1.0', 'GC', () => ({}), 1, /does not allow GC/],
    ['STATUS before 1.1.0', 'STATUS', () => ({}), 1, /does not allow STATUS/],
    ['no network name', 'ADD', () => ({ conf: { name: undefined } }), 7, /invalid network name ""/],
    ['a network name with a slash', 'ADD', () => ({ conf: { name: 'a/b' } }), 7, /invalid network name "a\/b"/],
    ['an MTU that is no number', 'ADD', () => ({ conf: { mtu: 'big' } }), 7, /mtu: /],
    ['no IPAM', 'ADD', () => ({ conf: { ipam: {} } }), 7, /ipam.type must name a plugin/],
    [
      'an IPAM plugin that is not there',
      'ADD',
      () => ({ conf: { ipam: { type: 'nobody' } } }),
      100,
      /failed to find plugin "nobody"/,
    ],
    ['an IPAM plugin outside CNI_PATH', 'ADD', () => ({ conf: { ipam: { type: '../sh' } } }), 7, /must name a plugin/],
    ['a bad address', 'ADD', () => ({ args: 'IP=10.65.0.999' }), 7, /"10.65.0.999": it is not an IP address/],
    ['an address outside every pool', 'ADD', () => ({ args: 'IP=192.0.2.1' }), 7, /not in any configured pool/],
    [
      'a pool that does not exist',
      'ADD',
      () => ({ conf: { ipam: { type: 'calico-ipam', ipv4_pools: ['x'] } } }),
      7,
      /no IPv4 pool/,
    ],
    ['a bad MAC', 'ADD', () => ({ args: 'MAC=red' }), 7, /cannot use MAC "red"/],
    [
      'a bad label',
      'ADD',
      () => ({ conf: { args: { labels: [{ key: 'a b', value: '' }] } } }),
      7,
      /cannot give the endpoint label/,
    ],
    ['another datastore', 'ADD', () => ({ conf: { datastore_type: 'kubernetes' } }), 7, /only etcdv3/],
    ['no node name', 'ADD', () => ({ conf: { nodename: '', nodename_file: '/nonexistent' } }), 11, /does not exist/],
  ]
  for (const [what, command, call, code, message] of cases) {
    test(`${what}: ${code}`, async () => {
      const { status, json } = await runtime.call(command, call())
      assert.equal(status, 1)
      assert.match(json['msg'], message)
      assert.equal(json['code'], code)
      assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
    })
  }
})

describe('ADD answers in the version of the configuration', () => {
  const ipam = { type: 'calico-ipam', assign_ipv6: 'true' }
  const addressOf = async (): Promise<string[]> =>
    (await runtime.endpoints()).flatMap(({ spec }) => spec.ipNetworks ?? [])

  for (const cniVersion of [undefined, '0.1.0', '0.2.0']) {
    test(`${cniVersion ?? 'none'}: one object a family, behind a lone brace`, async () => {
      const { stdout, json } = await runtime.call('ADD', { conf: { cniVersion, ipam } })
      const [four, six] = await addressOf()
      assert.match(stdout, /^\{\n/)
      assert.deepEqual(json, { cniVersion: cniVersion ?? '0.2.0', ip4: { ip: four }, ip6: { ip: six }, dns: {} })
    })
  }
  for (const cniVersion of VERSIONS.slice(2)) {
    test(`${cniVersion}: lists of interfaces and addresses`, async () => {
      const json = await runtime.must('ADD', { conf: { cniVersion, ipam, mtu: 1400 } })
      const [four, six] = await addressOf()
      const mac = (await findLink('eth0', { netns: C1 }))?.mac
      const family = (version: string): object => (cniVersion.startsWith('0') ? { version } : {})
      const mtu = cniVersion === '1.1.0' ? { mtu: 1400 } : {}
      assert.deepEqual(json, {
        cniVersion,
        interfaces: [
          { name: 'calic1', mac: 'ee:ee:ee:ee:ee:ee', ...mtu },
          { name: 'eth0', mac, sandbox: '/run/netns/c1', ...mtu },
        ],
        ips: [
          { ...family('4'), interface: 1, address: four },
          { ...family('6'), interface: 1, address: six },
        ],
        dns: {},
      })
    })
  }
})

describe('ADD', () => {
  test('makes interface, addresses, routes, endpoint and profile', async () => {
    await runtime.must('ADD', { conf: { mtu: 1400, ipam: { type: 'calico-ipam', assign_ipv6: true } } })
    const [endpoint] = await runtime.endpoints()
    assert.ok(endpoint)
    assert.equal(endpoint.metadata.name, `host--a-cni-c1-eth0`)
    assert.deepEqual(endpoint.metadata.labels, {
      'projectcalico.org/namespace': 'default',
      'projectcalico.org/orchestrator': 'cni',
    })
    const { mac, ipNetworks = [], ...spec } = endpoint.spec
    assert.partialDeepStrictEqual(spec, {
      node: NODE,
      orchestrator: 'cni',
      containerID: 'c1',
      endpoint: 'eth0',
      profiles: ['net1'],
      interfaceName: 'calic1',
    })
    const [host, inside] = [await findLink('calic1'), await findLink('eth0', { netns: C1 })]
    assert.deepEqual([host?.mac, host?.mtuBytes, host?.adminUp], ['ee:ee:ee:ee:ee:ee', 1400, true])
    assert.deepEqual([inside?.mac, inside?.mtuBytes, inside?.adminUp], [mac, 1400, true])
    const addresses = (await listAddresses({ netns: C1 })).filter(
      ({ dev, scope }) => dev === 'eth0' && scope === 'global',
    )
    assert.deepEqual(
      addresses.map(({ ip, prefixLength }) => `${ip}/${prefixLength}`),
      ipNetworks,
    )
    const routes = (await listRoutes(4, { netns: C1 })).map(({ dst, via }) => [dst, via])
    assert.deepEqual(routes, [
      ['0.0.0.0/0', '169.254.1.1'],
      ['169.254.1.1/32', undefined],
    ])
    assert.equal((await run('ip', ['netns', 'exec', 'c1', 'cat', '/proc/sys/net/ipv4/ip_forward'])).trim(), '0')
    const profile = await runtime.client.resources('Profile').get('net1')
    assert.deepEqual(profile.spec.labelsToApply, { net1: '' })
    assert.partialDeepStrictEqual(profile.spec, {
      ingress: [{ action: 'Allow', source: { selector: 'has(net1)' } }],
      egress: [{ action: 'Allow' }],
    })
  })

  const roads: [road: string, call: Call][] = [
    ['CNI_ARGS', { args: 'IgnoreUnknown=1;IP=10.65.0.77' }],
    ['ipam.args.ip', { conf: { ipam: { type: 'calico-ipam', args: { ip: '10.65.0.77' } } } }],
    ['args.cni.ips', { conf: { args: { cni: { ips: ['10.65.0.77/24'] } } } }],
    ['runtimeConfig.ips', { conf: { runtimeConfig: { ips: ['10.65.0.77/24'] } } }],
  ]
  for (const [road, call] of roads) {
    test(`gives the address that is asked for by ${road}`, async () => {
      const { ips } = await runtime.must('ADD', call)
      assert.deepEqual(ips, [{ interface: 1, address: '10.65.0.77/32' }])
    })
  }

  test('gives the MAC and the labels that are asked for, in the namespace of CNI_TEST_NAMESPACE', async () => {
    const mesos = { network_info: { labels: { labels: [{ key: 'role', value: 'db' }] } } }
    await runtime.must('ADD', {
      args: 'MAC=02:00:00:00:00:07;CNI_TEST_NAMESPACE=shop',
      conf: { args: { 'org.apache.mesos': mesos, labels: [{ key: 'tier', value: 'back' }] } },
    })
    const [endpoint] = await runtime.endpoints()
    assert.equal((await findLink('eth0', { netns: C1 }))?.mac, '02:00:00:00:00:07')
    assert.partialDeepStrictEqual(endpoint?.metadata, { namespace: 'shop', labels: { role: 'db', tier: 'back' } })
  })

  test('draws from a pool by its name', async () => {
    const ipam = { type: 'calico-ipam', assign_ipv4: 'false', assign_ipv6: 'true', ipv6_pools: ['six'] }
    const { ips } = await runtime.must('ADD', { conf: { ipam } })
    assert.equal(ips.length, 1)
    assert.match(ips[0].address, /^fd00:65::/)
  })

  test('names a pod of Kubernetes by namespace and name', async () => {
    await runtime.must('ADD', { args: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-0', conf: { policy: { type: 'k8s' } } })
    const [endpoint] = await runtime.endpoints()
    assert.equal(endpoint?.metadata.name, 'host--a-k8s-cart--0-eth0')
    assert.partialDeepStrictEqual(endpoint?.spec, {
      pod: 'cart-0',
      containerID: 'c1',
      profiles: ['kns.shop'],
      interfaceName: 'cali18582a65b10', // SHA-1 of shop.cart-0
    })
  })

  test('leaves a profile alone that is there already', async () => {
    await runtime.must('ADD')
    await runtime.client
      .resources('Profile')
      .modify('net1', undefined, (profile) => ({ ...profile, spec: { ...profile.spec, ingress: [] } }))
    await runtime.must('ADD', { container: 'c2' })
    assert.deepEqual((await runtime.client.resources('Profile').get('net1')).spec.ingress ?? [], [])
  })

  test('answers the same when it is repeated', async () => {
    assert.deepEqual(await runtime.must('ADD'), await runtime.must('ADD'))
    assert.equal((await runtime.ipam()).allocations.length, 1)
  })

  test('connects a container that got another namespace anew, at the same address', async () => {
    const { ips } = await runtime.must('ADD')
    const again = await runtime.must('ADD', { netns: 'c2' })
    assert.deepEqual(again['ips'], ips)
    assert.equal(await findLink('eth0', { netns: C1 }), undefined)
    assert.ok(await findLink('eth0', { netns: { path: '/run/netns/c2' } }))
  })

  test('connects a container to several networks, and to one of them twice', async () => {
    const attachments: Call[] = [{}, { conf: { name: 'net2' }, ifname: 'eth1' }, { ifname: 'eth2' }]
    const ips: string[] = []
    for (const call of attachments) ips.push((await runtime.must('ADD', call))['ips'][0].address)
    assert.equal(new Set(ips).size, 3)
    await runtime.must('DEL', { ifname: 'eth2' })
    assert.deepEqual(
      (await runtime.ipam()).allocations.map(({ ip }) => `${ip}/32`).toSorted(),
      ips.slice(0, 2).toSorted(),
    )
    for (const call of attachments) await runtime.must('DEL', call)
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
  })

  test('refuses while the datastore is not ready, and says so', async () => {
    await runtime.etcd.ctl(
      'put',
      '/calico/resources/v3/projectcalico.org/clusterinformations/default',
      JSON.stringify({
        apiVersion: 'projectcalico.org/v3',
        kind: 'ClusterInformation',
        metadata: { name: 'default' },
        spec: { datastoreReady: false },
      }),
    )
    const { json } = await runtime.call('ADD')
    assert.deepEqual([json['code'], json['msg']], [11, 'Calico is currently not ready to process requests'])
    const status = await runtime.call('STATUS', { conf: { cniVersion: '1.1.0' } })
    assert.equal(status.json['code'], 50)
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
  })

  test('fails and leaves nothing when policy is not set up in time', async () => {
    const { json } = await runtime.call('ADD', {
      conf: { policy_setup_timeout_seconds: 0.3, endpoint_status_dir: runtime.dir },
    })
    assert.equal(json['code'], 11)
    assert.match(json['msg'], /policy was not set up within 0.3 s: Felix reports nothing/)
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
  })

  test('names the holder of an address that is taken', async () => {
    await runtime.must('ADD', { args: 'IP=10.65.0.5' })
    const { json } = await runtime.call('ADD', { container: 'c2', args: 'IP=10.65.0.5' })
    assert.match(json['msg'], /10\.65\.0\.5/)
    assert.equal((await runtime.endpoints()).length, 1)
  })
})

describe('IPAM by another plugin', () => {
  const hostLocal = (): Json => ({
    ipam: { type: 'host-local', subnet: '10.66.0.0/24', dataDir: runtime.dir, routes: [{ dst: '0.0.0.0/0' }] },
  })
  test('host-local: ADD, CHECK and DEL', async () => {
    const result = await runtime.must('ADD', { conf: hostLocal() })
    assert.match(result['ips'][0].address, /^10\.66\.0\.\d+\/32$/)
    assert.deepEqual(result['routes'], [{ dst: '0.0.0.0/0' }])
    await runtime.must('CHECK', { conf: { ...hostLocal(), prevResult: result } })
    await runtime.must('DEL', { conf: hostLocal() })
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
    assert.equal((await runtime.must('ADD', { conf: { ...hostLocal(), name: 'net1' } }))['ips'].length, 1)
  })
  test('the code and the reason of a delegate are passed on', async () => {
    const { json } = await runtime.call('ADD', { conf: { ipam: { type: 'host-local', subnet: 'nonsense' } } })
    assert.match(json['msg'], /IPAM plugin host-local failed: .*nonsense/)
  })
  test('calico-ipam on its own serves another plugin', async () => {
    const call: Call = { plugin: 'calico-ipam', conf: { type: 'ptp' } }
    const { ips, interfaces } = await runtime.must('ADD', call)
    assert.deepEqual([ips.length, interfaces], [1, undefined])
    assert.deepEqual((await runtime.must('ADD', call))['ips'], ips)
    await runtime.must('CHECK', { ...call, conf: { type: 'ptp', prevResult: { cniVersion: '1.0.0', ips } } })
    await runtime.must('DEL', call)
    await runtime.must('DEL', call)
    assert.equal((await runtime.ipam()).allocations.length, 0)
  })
})

describe('DEL', () => {
  const states: [state: string, prepare: () => Promise<unknown>, call: Call][] = [
    ['what ADD made', () => runtime.must('ADD'), {}],
    ['nothing', async () => undefined, {}],
    [
      'a container whose namespace is gone',
      async () => {
        await runtime.must('ADD')
        await run('ip', ['netns', 'delete', 'c1'])
      },
      {},
    ],
    ['a container whose namespace is not named', () => runtime.must('ADD'), { netns: '' }],
    ['an address alone', () => runtime.must('ADD', { plugin: 'calico-ipam' }), {}],
    [
      'an endpoint whose interface is gone',
      async () => {
        await runtime.must('ADD')
        await run('ip', ['link', 'delete', 'calic1'])
      },
      {},
    ],
  ]
  for (const [state, prepare, call] of states) {
    test(`clears ${state}, twice`, async () => {
      await prepare()
      assert.equal((await runtime.call('DEL', call)).stdout, '')
      await runtime.must('DEL', call)
      assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
    })
  }
  test('leaves a pod alone that lives on in another container', async () => {
    const pod = { args: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-0' }
    await runtime.must('ADD', pod)
    await runtime.must('ADD', { ...pod, container: 'c2' })
    await runtime.must('DEL', pod)
    const [endpoint] = await runtime.endpoints()
    assert.equal(endpoint?.spec.containerID, 'c2')
    assert.deepEqual(
      (await runtime.ipam()).allocations.map(({ ip }) => `${ip}/32`),
      endpoint?.spec.ipNetworks,
    )
    assert.ok(await findLink('eth0', { netns: { path: '/run/netns/c2' } }))
  })
})

describe('CHECK', () => {
  const tampering: [what: string, tamper: (result: Json) => Promise<unknown>, message: RegExp][] = [
    ['the host interface is gone', () => run('ip', ['link', 'delete', 'calic1']), /the host has no interface calic1/],
    ['the host interface is down', () => run('ip', ['link', 'set', 'calic1', 'down']), /calic1 is down/],
    ['the interface is renamed', () => inC1('ip', 'link', 'set', 'eth0', 'down', 'name', 'eth9'), /no interface eth0/],
    ['the address is gone', () => inC1('ip', 'address', 'flush', 'dev', 'eth0'), /does not have address/],
    [
      'the MAC has changed',
      () => inC1('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:01'),
      /has MAC 02:00:00:00:00:01/,
    ],
    ['the default route is gone', () => inC1('ip', 'route', 'delete', 'default'), /no IPv4 default route/],
    [
      'the endpoint is gone',
      () => runtime.etcd.ctl('del', '--prefix', '/calico/resources/v3/projectcalico.org/workloadendpoints/'),
      /no WorkloadEndpoint/,
    ],
    ['the address was released', () => runtime.must('DEL', { plugin: 'calico-ipam' }), /is not assigned to net1.c1/],
  ]
  const inC1 = (...argv: string[]): Promise<string> => run('ip', ['netns', 'exec', 'c1', ...argv])
  test('is content with what ADD made', async () => {
    const prevResult = await runtime.must('ADD')
    assert.equal((await runtime.call('CHECK', { conf: { prevResult } })).stdout, '')
  })
  for (const [what, tamper, message] of tampering) {
    test(`finds that ${what}`, async () => {
      const prevResult = await runtime.must('ADD')
      await tamper(prevResult)
      const { status, json } = await runtime.call('CHECK', { conf: { prevResult } })
      assert.equal(status, 1)
      assert.match(json['msg'], message)
    })
  }
  test('needs the result of ADD', async () => {
    await runtime.must('ADD')
    assert.equal((await runtime.call('CHECK')).json['code'], 7)
  })
})

describe('GC and STATUS', () => {
  const gc = (attachments: object[] | undefined): Call => ({
    conf: { cniVersion: '1.1.0', 'cni.dev/valid-attachments': attachments },
  })
  test('GC removes what the runtime forgot on this network, and nothing else', async () => {
    await runtime.must('ADD')
    await runtime.must('ADD', { container: 'c2' })
    await runtime.must('ADD', { container: 'c2', ifname: 'eth1', conf: { name: 'net2' } })
    await runtime.must('ADD', { container: 'c3', plugin: 'calico-ipam' }) // died before its endpoint
    await runtime.must('GC', gc([{ containerID: 'c1', ifname: 'eth0' }]))
    const endpoints = await runtime.endpoints()
    assert.deepEqual(
      endpoints.map(({ metadata }) => metadata.name),
      ['host--a-cni-c1-eth0', 'host--a-cni-c2-eth1'],
    )
    const { allocations, problems } = await runtime.ipam()
    assert.deepEqual([allocations.length, problems.length], [2, 0])
    await runtime.must('GC', gc([]))
    assert.equal((await runtime.endpoints()).length, 1)
  })
  test('GC without a list is refused: it does not mean "everything"', async () => {
    await runtime.must('ADD')
    assert.equal((await runtime.call('GC', gc(undefined))).json['code'], 7)
    assert.equal((await runtime.endpoints()).length, 1)
  })
  test('STATUS is content with a node that is up', async () => {
    assert.deepEqual(await runtime.must('STATUS', { conf: { cniVersion: '1.1.0' } }), {})
  })
  test('STATUS says 50 for a node that is not known', async () => {
    const { json } = await runtime.call('STATUS', { conf: { cniVersion: '1.1.0', nodename: 'nobody' } })
    assert.equal(json['code'], 50)
  })
})
