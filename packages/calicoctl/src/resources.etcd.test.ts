/** The resource commands: what they print, what they return, and what then stands in etcd. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { initialise } from '@calico-node/datastore'
import { makeResource } from '@calico-node/model'
import { type CliResult, TestCluster } from './harness.test.ts'

let cluster: TestCluster
let dir: string
before(async () => {
  cluster = await TestCluster.start()
  dir = mkdtempSync(join(tmpdir(), 'resources-'))
})
after(async () => {
  await cluster.stop()
  rmSync(dir, { recursive: true })
})
beforeEach(async () => {
  await cluster.wipe()
  await initialise(cluster.client)
})

const run = (line: string | readonly string[], stdin?: string): Promise<CliResult> =>
  cluster.cli(line, stdin === undefined ? {} : { stdin })
const ok: TestCluster['ok'] = async (...args) => cluster.ok(...args)
const fails: TestCluster['fails'] = async (...args) => cluster.fails(...args)

const pool = (name: string, cidr: string, more = ''): string =>
  `apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: ${name}}\nspec:\n  cidr: ${cidr}\n${more}`
const policy = (name: string, namespace?: string): string =>
  `apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: ${name}${namespace === undefined ? '' : `, namespace: ${namespace}`}}\nspec: {selector: "role == 'db'"}\n`

describe('files', () => {
  beforeEach(() => {
    mkdirSync(join(dir, 'sub'), { recursive: true })
    writeFileSync(join(dir, 'a.yaml'), `${pool('a', '10.1.0.0/16')}---\n${pool('b', '10.2.0.0/16')}`)
    writeFileSync(
      join(dir, 'b.json'),
      JSON.stringify({
        apiVersion: 'projectcalico.org/v3',
        kind: 'IPPool',
        metadata: { name: 'c' },
        spec: { cidr: '10.3.0.0/16' },
      }),
    )
    writeFileSync(join(dir, 'notes.txt'), 'not a resource')
    writeFileSync(join(dir, 'sub', 'd.YML'), pool('d', '10.4.0.0/16'))
    writeFileSync(join(dir, 'sub', 'empty.yaml'), '# nothing\n')
  })
  const cases: [line: string, stdout: string][] = [
    ['create -f DIR/a.yaml', "Successfully created 2 'IPPool' resource(s)\n"],
    ['create -f DIR', "Successfully created 3 'IPPool' resource(s)\n"],
    ['apply -f DIR -R', "Successfully applied 4 'IPPool' resource(s)\n"],
    ['validate -f DIR --recursive', "Successfully validated 4 'IPPool' resource(s)\n"],
    ['apply -f DIR/sub/empty.yaml --skip-empty', 'No resources specified\n'],
  ]
  for (const [line, stdout] of cases) test(line, async () => assert.equal(await ok(line.replace('DIR', dir)), stdout))
  const bad: [line: string, message: RegExp][] = [
    ['apply -f DIR/nosuch.yaml', /Cannot read .*nosuch\.yaml: no such file or directory/],
    ['apply -f DIR/sub/empty.yaml', /No resources specified in file .*empty\.yaml/],
    ['apply', /Option -f is missing/],
    ['create -f DIR/notes.txt', /notes\.txt, document 1, line 1: document "not a resource" must be an object/],
  ]
  for (const [line, message] of bad) test(line, () => fails(line.replace('DIR', dir), message))
})

describe('a document with faults', () => {
  test('is refused as a whole, each fault with its line, value and what is allowed', async () => {
    const text = `${pool('good', '10.1.0.0/16')}---\n${pool('bad', '10.2.0.1/16', '  ipipMode: Sometimes\n  natOutgoin: true\n')}`
    const { exit, stderr } = await run('apply -f -', text)
    assert.equal(exit, 1)
    assert.match(
      stderr,
      /^-, document 2, line 11: IPPool "bad": spec\.cidr "10\.2\.0\.1\/16" needs host bits to be zero, as in 10\.2\.0\.0\/16$/m,
    )
    assert.match(
      stderr,
      /^-, document 2, line 12: IPPool "bad": spec\.ipipMode "Sometimes" must be one of Never, Always, CrossSubnet$/m,
    )
    assert.match(
      stderr,
      /^-, document 2, line 13: IPPool "bad": spec\.natOutgoin true is not a known field: did you mean natOutgoing\?$/m,
    )
    assert.equal(stderr.trimEnd().split('\n').length, 3)
    assert.equal((await cluster.client.resources('IPPool').list()).length, 0)
  })
  test('of an unknown kind gets the nearest one', () =>
    fails(
      'apply -f -',
      /line 1: kind "IPPol" is not a known kind.*IPPool/,
      '{apiVersion: projectcalico.org/v3, kind: IPPol}',
    ))
  test('that contradicts another resource is refused with its line', async () => {
    await ok('create -f -', pool('a', '10.1.0.0/16'))
    await fails(
      'create -f -',
      /-, document 1, line 5: IPPool "b": spec\.cidr "10\.1\.2\.0\/24" must not overlap 10\.1\.0\.0\/16 of pool "a"/,
      pool('b', '10.1.2.0/24'),
    )
    await fails(
      'create -f -',
      /spec\.tier "nosuch" must be the name of a Tier: there are .*default/,
      policy('nosuch.p', 'x').replace('spec: {', 'spec: {tier: nosuch, '),
    )
  })
})

describe('create, apply, replace, delete', () => {
  test('replace needs what exists and keeps its identity', async () => {
    await fails('replace -f -', /resource does not exist: IPPool\(a\)/, pool('a', '10.1.0.0/16'))
    await ok('create -f -', pool('a', '10.1.0.0/16'))
    const { metadata } = await cluster.client.resources('IPPool').get('a')
    await ok('replace -f -', pool('a', '10.1.0.0/16', '  natOutgoing: true\n'))
    const replaced = await cluster.client.resources('IPPool').get('a')
    assert.equal(replaced.spec.natOutgoing, true)
    assert.deepEqual(
      [replaced.metadata.uid, replaced.metadata.creationTimestamp],
      [metadata.uid, metadata.creationTimestamp],
    )
  })
  test("labels and annotations are the document's entirely", async () => {
    const labelled = (labels: string): string =>
      pool('a', '10.1.0.0/16').replace('{name: a}', `{name: a, labels: ${labels}}`)
    await ok('apply -f -', labelled('{x: "1", y: "2"}'))
    await ok('apply -f -', labelled('{y: "3"}'))
    assert.deepEqual((await cluster.client.resources('IPPool').get('a')).metadata.labels, { y: '3' })
  })
  test('a stale resourceVersion is a conflict', async () => {
    await ok('create -f -', pool('a', '10.1.0.0/16'))
    const yaml = await ok('get ippool a -o yaml')
    await ok('patch ippool a -p {"spec":{"disabled":true}}')
    for (const verb of ['apply', 'replace', 'delete']) await fails(`${verb} -f -`, /update conflict: IPPool\(a\)/, yaml)
    await ok('delete -f -', await ok('get ippool a -o yaml'))
  })
  test('what get prints can be applied again', async () => {
    await ok('create -f -', `${pool('a', '10.1.0.0/16')}---\n${pool('b', '10.2.0.0/16')}`)
    for (const format of ['yaml', 'json'])
      assert.equal(
        await ok('apply -f -', await ok(`get ippools -o ${format}`)),
        "Successfully applied 2 'IPPool' resource(s)\n",
      )
    await ok('delete ippool a')
    const exported = await ok('get ippool b -o yaml --export')
    assert.doesNotMatch(exported, /uid|resourceVersion|creationTimestamp/)
    await ok('delete ippool b')
    await ok('create -f -', exported)
  })
  test('partial failures say what succeeded', async () => {
    await ok('create -f -', pool('a', '10.1.0.0/16'))
    const { exit, stdout, stderr } = await run(
      'create -f -',
      `${pool('a', '10.1.0.0/16')}---\n${pool('b', '10.2.0.0/16')}`,
    )
    assert.deepEqual(
      [exit, stdout, stderr],
      [
        1,
        "Partial success: created the first 1 out of 2 'IPPool' resources:\n",
        'Hit error: resource already exists: IPPool(a)\n',
      ],
    )
  })
  describe('many documents of one kind', () => {
    const many = (label: string): string =>
      JSON.stringify(
        Array.from({ length: 60 }, (_, i) => ({
          apiVersion: 'projectcalico.org/v3',
          kind: 'NetworkPolicy',
          metadata: { name: `p${i}`, namespace: i % 2 === 0 ? 'even' : 'odd', labels: { written: label } },
          spec: { selector: 'all()', order: i },
        })),
      )
    const policies = () => cluster.client.resources('NetworkPolicy').list()
    const uids = async (): Promise<Map<string, string | undefined>> =>
      new Map((await policies()).map(({ metadata }) => [metadata.name, metadata.uid]))

    test('are created where they are missing and replaced where they exist, each keeping its identity', async () => {
      const half = JSON.stringify(JSON.parse(many('before')).slice(0, 30))
      assert.equal(await ok('apply -f -', half), "Successfully applied 30 'NetworkPolicy' resource(s)\n")
      const before = await uids()
      assert.equal(await ok('apply -f -', many('after')), "Successfully applied 60 'NetworkPolicy' resource(s)\n")
      const after = await uids()
      for (const [name, uid] of before) assert.equal(after.get(name), uid, name)
      assert.deepEqual(
        new Set((await policies()).map(({ metadata }) => metadata.labels?.['written'])),
        new Set(['after']),
      )
      assert.equal(await ok('replace -f -', many('last')), "Successfully replaced 60 'NetworkPolicy' resource(s)\n")
      assert.deepEqual(
        new Set((await policies()).map(({ metadata }) => metadata.labels?.['written'])),
        new Set(['last']),
      )
    })
    test('what cannot be read any more is told by name, and the others are applied', async () => {
      await ok('apply -f -', many('before'))
      await cluster.store.put('/calico/resources/v3/projectcalico.org/networkpolicies/odd/default.p7', '{"kind": 7}')
      const { exit, stdout, stderr } = await run('apply -f -', many('after'))
      assert.equal(exit, 1)
      assert.equal(stdout, "Partial success: applied the first 59 out of 60 'NetworkPolicy' resources:\n")
      assert.match(stderr, /^Hit error: .*p7/)
      assert.equal(stderr.trimEnd().split('\n').length, 1)
    })
    test('are all created, or said to exist', async () => {
      await ok('create -f -', many('before'))
      await fails(
        'create -f -',
        /^Failed to create any 'NetworkPolicy' resources:\n(- resource already exists: .*\n){60}$/,
        many('x'),
      )
      assert.equal(
        await ok('create -f - --skip-exists', many('x')),
        "Successfully created 60 'NetworkPolicy' resource(s)\n",
      )
      assert.deepEqual(
        new Set((await policies()).map(({ metadata }) => metadata.labels?.['written'])),
        new Set(['before']),
      )
    })
  })
  test('delete by name needs names', () => fails('delete ippool', /resource name may not be empty/))
  test('what others keep is read-only', async () => {
    await fails('delete clusterinformation default', /read-only/)
    await fails('delete tier default', /built in/)
    await fails('apply -f -', /read-only/, await ok('get clusterinformation default -o yaml'))
    await fails('delete profile projectcalico-default-allow', /projectcalico-default-allow/)
  })
  test('a tier in use stays', async () => {
    await ok('create -f -', '{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {name: sec}, spec: {order: 10}}')
    await ok('create -f -', policy('sec.p', 'x').replace('spec: {', 'spec: {tier: sec, '))
    await fails('delete tier sec', /tier "sec" has policies, such as NetworkPolicy "sec\.p"/)
    await ok('delete networkpolicy sec.p -n x')
    await ok('delete tier sec')
  })
  test('a Node takes along what is its own', async () => {
    const { client } = cluster
    await client
      .resources('Node')
      .create(makeResource('Node', { name: 'host-a' }, { bgp: { ipv4Address: '10.20.0.1/24' } }))
    await client.resources('IPPool').create(makeResource('IPPool', { name: 'a' }, { cidr: '10.1.0.0/16' }))
    const { Ipam } = await import('@calico-node/ipam')
    const { parseNodeName } = await import('@calico-node/model')
    const { quietLogger } = await import('@calico-node/core')
    const { ips } = await new Ipam({ client, log: quietLogger }).autoAssign({
      node: parseNodeName('host-a'),
      version: 4,
      handle: 'h',
      use: 'Workload',
    })
    await client.resources('WorkloadEndpoint').create(
      makeResource(
        'WorkloadEndpoint',
        { namespace: 'default' },
        {
          node: 'host-a',
          orchestrator: 'docker',
          workload: 'w',
          endpoint: 'e',
          ipNetworks: ips.map(({ ip }) => `${ip}/32`),
          interfaceName: 'cali1',
        },
      ),
    )
    await client
      .resources('BGPPeer')
      .create(makeResource('BGPPeer', { name: 'own' }, { node: 'host-a', peerIP: '10.0.0.1', asNumber: 65000 }))
    await client
      .resources('BGPPeer')
      .create(makeResource('BGPPeer', { name: 'global' }, { peerIP: '10.0.0.1', asNumber: 65000 }))
    await client.resources('FelixConfiguration').create(makeResource('FelixConfiguration', { name: 'node.host-a' }, {}))
    await client
      .resources('HostEndpoint')
      .create(makeResource('HostEndpoint', { name: 'eth0' }, { node: 'host-a', interfaceName: 'eth0' }))
    await ok('delete node host-a')
    const keys = Object.keys(await cluster.everything()).filter((key) =>
      /host-a|\/workloadendpoints\/|\/hostendpoints\/|ipam\/v2\/(handle|assignment)|\/bgppeers\//.test(key),
    )
    assert.deepEqual(keys, ['/calico/resources/v3/projectcalico.org/bgppeers/global'])
  })
})

describe('apply --confirm', () => {
  beforeEach(async () => {
    await ok('create -f -', pool('a', '10.1.0.0/16'))
    writeFileSync(
      join(dir, 'two.yaml'),
      `${pool('a', '10.1.0.0/16', '  natOutgoing: true\n')}---\n${pool('b', '10.2.0.0/16')}`,
    )
  })
  const spec = async (name: string) => (await cluster.client.resources('IPPool').find(name))?.spec
  test('keeps what is confirmed', async () => {
    const { exit, stdout } = await cluster.cli(`apply -f ${dir}/two.yaml --confirm 30s`, { answer: '' })
    assert.equal(exit, 0)
    assert.match(stdout, /Press Enter within 30 s to keep 2 change\(s\)[\s\S]*Confirmed\.\n$/)
    assert.deepEqual([(await spec('a'))?.natOutgoing, (await spec('b'))?.cidr], [true, '10.2.0.0/16'])
  })
  test('takes everything back when nobody answers', async () => {
    const { exit, stdout, stderr } = await cluster.cli(`apply -f ${dir}/two.yaml --confirm 1s`)
    assert.deepEqual([exit, stderr], [1, ''])
    assert.match(stdout, /Not confirmed: the changes were taken back\.\n$/)
    assert.deepEqual([(await spec('a'))?.natOutgoing, await spec('b')], [undefined, undefined])
  })
  test('leaves alone what somebody else has changed meanwhile', async () => {
    const running = cluster.cli(`apply -f ${dir}/two.yaml --confirm 1s`)
    await waitFor('the change', async () => (await spec('b')) !== undefined)
    await ok('patch ippool b -p {"spec":{"disabled":true}}')
    assert.match((await running).stderr, /IPPool\(b\) was not taken back: somebody has changed it since/)
    assert.equal((await spec('b'))?.disabled, true)
  })
  test('needs a terminal to ask, and a sensible time', async () => {
    await fails(
      'apply -f - --confirm 60s',
      /Cannot confirm when the resources come from standard input/,
      pool('c', '10.3.0.0/16'),
    )
    await fails(`apply -f ${dir}/two.yaml --confirm 5ms`, /at least 1s/)
  })
})

describe('namespaces', () => {
  const cases: [line: string, stdin: string, message: RegExp][] = [
    ['create -f - -n x', pool('a', '10.1.0.0/16'), /IPPool is not namespaced/],
    ['create -f - -n x', policy('p', 'y'), /resource namespace does not match client namespace. y != x/],
  ]
  for (const [line, stdin, message] of cases) test(line, () => fails(line, message, stdin))
  test('the default one, one by flag, and all', async () => {
    await ok('create -f -', policy('p'))
    await ok('create -f - -n x', policy('p'))
    assert.equal(await ok('get np -A -o custom-columns=NAME'), 'NAME   \np      \np      \n\n')
    assert.match(await ok('get networkpolicy p -n x -o yaml'), /namespace: x/)
    await ok('delete np p')
    assert.match(await ok('get np -A'), /^NAMESPACE.*\nx +p +default +\n\n$/)
    await fails('get np p -A', /single resource lives in one namespace/)
  })
})

describe('get', () => {
  beforeEach(async () => {
    await ok(
      'create -f -',
      `${pool('a', '10.1.0.0/16')}---\n${pool('b', '10.2.0.0/16', '  disabled: true\n').replace('{name: b}', '{name: b, labels: {rack: r1}}')}`,
    )
  })
  const cases: [line: string, stdout: string][] = [
    ['get ippool -o name', 'ippool/a\nippool/b\n'],
    ['get ippool a b -o name', 'ippool/a\nippool/b\n'],
    [
      'get IPPools -o custom-columns=CIDR,NAME',
      'CIDR          NAME   \n10.1.0.0/16   a      \n10.2.0.0/16   b      \n\n',
    ],
    ['get ippool --selector has(rack) -o name', 'ippool/b\n'],
    ['get ippool --field-selector spec.disabled!=true -o name', 'ippool/a\n'],
    ['get ippool --field-selector metadata.name=b,spec.blockSize=26 -o name', 'ippool/b\n'],
  ]
  for (const [line, stdout] of cases) test(line, async () => assert.equal(await ok(line), stdout))
  test('lists tiers in their order', async () => {
    assert.deepEqual((await ok('get tier -o custom-columns=NAME')).trim().split(/\s+/), [
      'NAME',
      'adminnetworkpolicy',
      'default',
      'baselineadminnetworkpolicy',
    ])
  })
  test('-o json prints one resource bare and several as a list', async () => {
    assert.equal(JSON.parse(await ok('get ippool a -o json')).metadata.name, 'a')
    assert.equal(JSON.parse(await ok('get ippool -o json')).kind, 'IPPoolList')
    assert.equal(JSON.parse(await ok('get ippool a b -o json')).length, 2)
  })
  test('a template from a file', async () => {
    writeFileSync(join(dir, 't'), '{{range .}}{{range .Items}}{{.Spec.CIDR}};{{end}}{{end}}')
    assert.equal(await ok(`get ippool -o go-template-file=${dir}/t`), '10.1.0.0/16;10.2.0.0/16;')
  })
  const bad: [line: string, message: RegExp][] = [
    ['get', /name a kind such as "nodes", or a file with -f/],
    ['get ippol', /resource type 'ippol' is not supported; did you mean "ippool"\?/],
    ['get ippool -o custom-columns=CIDER', /Unknown heading CIDER, valid values are: .*; did you mean CIDR\?/],
    ['get ippool -o go-template={{nosuch}}', /function "nosuch" is not supported/],
    ['get ippool --selector rack=r1', /rack=r1/],
    ['get ippool --field-selector cidr', /want FIELD=VALUE/],
  ]
  for (const [line, message] of bad) test(line, () => fails(line, message))
  test('--watch prints what is there, then what changes, until it is interrupted', async () => {
    const interrupt = new AbortController()
    let seen = ''
    const watching = cluster.cli('get ippool --watch -o custom-columns=NAME,DISABLED', {
      signal: interrupt.signal,
      onOutput: (text) => {
        seen += text
      },
    })
    await waitFor('the present pools', () => /a +false[\s\S]*b +true/.test(seen))
    await ok('patch ippool a -p {"spec":{"disabled":true}}')
    await waitFor('the change', () => /a +true/.test(seen))
    await ok('delete ippool a')
    await waitFor('the deletion', () => seen.includes('deleted: IPPool(a)\n'))
    interrupt.abort()
    assert.equal((await watching).exit, 0)
  })
})

describe('patch and label', () => {
  beforeEach(() =>
    ok(
      'create -f -',
      pool('a', '10.1.0.0/16', '  natOutgoing: true\n').replace('{name: a}', '{name: a, labels: {x: y}}'),
    ),
  )
  test('patch merges, takes away what is null, and accepts YAML', async () => {
    await ok(['patch', 'ippool', 'a', '-p', 'spec: {natOutgoing: null, disabled: true}'])
    const { spec, metadata } = await cluster.client.resources('IPPool').get('a')
    assert.deepEqual([spec.natOutgoing, spec.disabled, metadata.labels], [undefined, true, { x: 'y' }])
  })
  const bad: [words: string[], message: RegExp][] = [
    [['patch', 'ippool', 'a'], /Option -p is missing/],
    [['patch', 'ippool', 'a', '-p', '[1]'], /want an object/],
    [['patch', 'ippool', 'a', '-p', '{"spec": {"cidr": "10.9.0.0/16"}}'], /cidr/],
    [['patch', 'ippool', 'a', '-p', '{"spec": {"natOutgoin": true}}'], /natOutgoin/],
    [['label', 'ippool', 'a', 'novalue'], /invalid label novalue/],
    [['label', 'ippool', 'nosuch', 'a=b'], /resource does not exist: IPPool\(nosuch\)/],
    [['label', 'ippool', 'a', 'bad key=1'], /bad key/],
  ]
  for (const [words, message] of bad) test(words.join(' '), () => fails(words, message))
  test('the same value twice is fine', async () => {
    assert.equal(await ok('label ippool a x=y'), 'Successfully set label x on ippool a\n')
  })
})

describe('diff', () => {
  test('shows what apply would change, and says so by its exit status', async () => {
    await ok('create -f -', pool('a', '10.1.0.0/16'))
    assert.equal(await ok('diff -f -', pool('a', '10.1.0.0/16')), '')
    const { exit, stdout } = await run(
      'diff -f -',
      `${pool('a', '10.1.0.0/16', '  natOutgoing: true\n')}---\n${pool('b', '10.2.0.0/16')}`,
    )
    assert.equal(exit, 1)
    assert.match(stdout, /^IPPool\(a\)\n/)
    assert.match(stdout, /^\+ {3}natOutgoing: true$/m)
    assert.match(stdout, /^IPPool\(b\) would be created$/m)
    assert.ok(!stdout.includes('\u001b'))
  })
})

describe('a cluster of another version', () => {
  test('is read, and written up to the version whose layout is ours', async () => {
    const version = (calicoVersion: string) =>
      cluster.client
        .resources('ClusterInformation')
        .modify('default', undefined, (stored) => ({ ...stored, spec: { ...stored.spec, calicoVersion } }))
    await version('v3.31.2')
    await ok('apply -f -', pool('a', '10.1.0.0/16'))
    await version('v3.32.0')
    await ok('get ippools')
    await fails('apply -f -', /set up by Calico v3\.32\.0.*--allow-version-mismatch/, pool('a', '10.1.0.0/16'))
    await ok('--allow-version-mismatch apply -f -', pool('a', '10.1.0.0/16'))
  })
})

describe('without a datastore', () => {
  test('version says so and succeeds, others fail with one line', async () => {
    const env = { ETCD_ENDPOINTS: 'http://127.0.0.1:9' }
    assert.match((await cluster.cli('version', { env })).stdout, /Unable to detect installed Calico version\n$/)
    const { exit, stderr } = await cluster.cli('get nodes', { env })
    assert.equal(exit, 1)
    assert.equal(stderr.trimEnd().split('\n').length, 1)
    assert.match(stderr, /127\.0\.0\.1:9/)
  })
})
