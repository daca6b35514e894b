/** `ipam` on real allocations: show, check with its report, release, configure. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { initialise } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import { makeResource, parseIp, parseNodeName } from '@calico-node/model'
import { TestCluster } from './harness.test.ts'

let cluster: TestCluster
let dir: string
let ipam: Ipam
before(async () => {
  cluster = await TestCluster.start()
  dir = mkdtempSync(join(tmpdir(), 'ipam-'))
  ipam = new Ipam({ client: cluster.client, log: quietLogger })
})
after(async () => {
  await cluster.stop()
  rmSync(dir, { recursive: true })
})

const HOST_A = parseNodeName('host-a')
const HOST_B = parseNodeName('host-b')
beforeEach(async () => {
  await cluster.wipe()
  await initialise(cluster.client)
  for (const name of [HOST_A, HOST_B]) await cluster.client.resources('Node').create(makeResource('Node', { name }, {}))
  await cluster.client.resources('IPPool').create(makeResource('IPPool', { name: 'p' }, { cidr: '10.65.0.0/24' }))
  // Three addresses of host-a's block, one of them borrowed by host-b; an endpoint uses the first.
  await ipam.assignIp({
    node: HOST_A,
    ip: parseIp('10.65.0.1'),
    handle: 'docker.w1',
    attributes: { node: 'host-a', pod: 'w1', namespace: 'x' },
  })
  await ipam.assignIp({ node: HOST_A, ip: parseIp('10.65.0.2'), handle: 'docker.w2', attributes: { node: 'host-a' } })
  await ipam.assignIp({ node: HOST_B, ip: parseIp('10.65.0.3'), handle: 'docker.w3', attributes: { node: 'host-b' } })
  await cluster.client.resources('WorkloadEndpoint').create(
    makeResource(
      'WorkloadEndpoint',
      { namespace: 'x' },
      {
        node: 'host-a',
        orchestrator: 'docker',
        workload: 'w1',
        endpoint: 'e',
        ipNetworks: ['10.65.0.1/32'],
        interfaceName: 'cali1',
      },
    ),
  )
})

const ok: TestCluster['ok'] = async (...args) => cluster.ok(...args)
const fails: TestCluster['fails'] = async (...args) => cluster.fails(...args)

describe('ipam show', () => {
  test('counts by pool and by block', async () => {
    assert.equal(
      await ok('ipam show --show-blocks'),
      `\
+----------+--------------+-----------+------------+-----------+
| GROUPING |     CIDR     | IPS TOTAL | IPS IN USE | IPS FREE  |
+----------+--------------+-----------+------------+-----------+
| IP Pool  | 10.65.0.0/24 |       256 | 3 (1%)     | 253 (99%) |
| Block    | 10.65.0.0/26 |        64 | 3 (5%)     | 61 (95%)  |
+----------+--------------+-----------+------------+-----------+
`,
    )
  })
  test('shows what reservations keep back', async () => {
    await cluster.client
      .resources('IPReservation')
      .create(makeResource('IPReservation', { name: 'r' }, { reservedCIDRs: ['10.65.0.128/25'] }))
    assert.match(
      await ok('ipam show --show-reserved'),
      /\| IP Pool +\| 10\.65\.0\.0\/24 \| +256 \| 3 \(1%\) +\| 128 \(50%\) +\| 125 \(49%\) \|/,
    )
  })
  test('shows who borrowed', async () => {
    assert.match(await ok('ipam show --show-borrowed'), /\| 10\.65\.0\.3 \| host-b +\| 10\.65\.0\.0\/26 \| host-a +\|/)
  })
  test('tells who has an address', async () => {
    for (const line of ['ipam show --ip=10.65.0.1', 'ipam info 10.65.0.1']) {
      assert.match(
        await ok(line),
        /^IP 10\.65\.0\.1 is in use\nHandle ID: docker\.w1\nActive Owner Attributes:\n {2}namespace: x\n {2}node: host-a\n {2}pod: w1\n/,
      )
    }
    assert.equal(await ok('ipam show --ip 10.65.0.9'), '10.65.0.9 is not assigned\n')
  })
  test('-o json', async () => {
    const { pools } = JSON.parse(await ok('ipam show -o json'))
    assert.deepEqual([pools[0].cidr, pools[0].inUse, pools[0].total], ['10.65.0.0/24', '3', '256'])
  })
})

describe('ipam check and release', () => {
  test('finds what is assigned and not used', async () => {
    const text = await ok('ipam check --show-problem-ips')
    assert.match(text, /^IPAM blocks record 3 allocations\.$/m)
    assert.match(text, /^ {2}host-a has 2 allocations\n {2}host-b has 1 allocations$/m)
    assert.match(
      text,
      /^ {2}10\.65\.0\.2: is assigned to docker\.w2 and not used\n {2}10\.65\.0\.3: .*\nFound 2 IPs that are allocated in IPAM but not actually in use\.$/m,
    )
    assert.match(text, /^Check complete; found 2 problems\.\n$/m)
    assert.equal((await cluster.cli('ipam check --exit-code')).exit, 1)
  })
  test('release frees one address', async () => {
    for (const [line, ip] of [
      ['ipam release --ip=10.65.0.2', '10.65.0.2'],
      ['ipam release 10.65.0.3', '10.65.0.3'],
    ] as const) {
      assert.equal(await ok(line), `Successfully released IP address ${ip}\n`)
      assert.equal(await ok(`ipam show --ip=${ip}`), `${ip} is not assigned\n`)
    }
    assert.equal((await cluster.cli('ipam check --exit-code')).exit, 0)
    await fails('ipam release --ip=10.65.0.2', /IP address 10\.65\.0\.2 is not assigned/)
    await fails('ipam release', /give --ip or --from-report/)
  })
  test('release by reports takes what all of them call unused, of the same allocation', async () => {
    const [first, second] = [join(dir, 'first.json'), join(dir, 'second.json')]
    await ok(`ipam check -o ${first}`)
    // Between the reports one address finds an owner, and another one is given to somebody else.
    await ipam.releaseIps([{ ip: parseIp('10.65.0.3') }])
    await ipam.assignIp({ node: HOST_A, ip: parseIp('10.65.0.3'), handle: 'docker.w4', attributes: { node: 'host-a' } })
    await fails(`ipam release --from-report=${first}`, /not locked/)
    await ok('datastore migrate lock')
    await fails(`ipam release --from-report=${first}`, /No report was made since the datastore was locked/)
    await ok(`ipam check -o ${second}`)
    assert.match(
      await ok(`ipam release --from-report=${first} --from-report=${second}`),
      /Released 1 unused IP addresses and 0 leaked handles/,
    )
    assert.equal(await ok('ipam show --ip=10.65.0.2'), '10.65.0.2 is not assigned\n')
    assert.match(await ok('ipam show --ip=10.65.0.3'), /in use/)
    const report = JSON.parse(readFileSync(second, 'utf8'))
    assert.deepEqual(
      [report.datastoreLocked, report.allocations['10.65.0.1'][0].inUse, report.allocations['10.65.0.2'][0].inUse],
      [true, true, false],
    )
  })
  test('a report of another cluster is refused, even with force', async () => {
    const file = join(dir, 'other.json')
    await ok(`ipam check -o ${file}`)
    await cluster.client
      .resources('ClusterInformation')
      .modify('default', undefined, (stored) => ({ ...stored, spec: { ...stored.spec, clusterGUID: 'other' } }))
    await fails(`ipam release --from-report=${file} --force`, /about another cluster/)
    await fails(`ipam release --from-report=${join(dir, 'nosuch.json')}`, /Cannot read report/)
  })
  test('leaked handles go with a report', async () => {
    await cluster.store.put('/calico/ipam/v2/handle/leaked', '{"block":{},"deleted":false}')
    const file = join(dir, 'handles.json')
    await ok('datastore migrate lock')
    await ok(`ipam check -o ${file}`)
    assert.match(await ok(`ipam release --from-report=${file}`), /1 leaked handles/)
    assert.ok(!Object.keys(await cluster.everything()).includes('/calico/ipam/v2/handle/leaked'))
  })
})

describe('ipam split', () => {
  test('replaces a pool by equal parts that keep its settings, its blocks and its addresses', async () => {
    await cluster.client.resources('IPPool').modify('p', undefined, (stored) => ({
      ...stored,
      spec: { ...stored.spec, natOutgoing: true },
    }))
    await fails('ipam split 2 --name=p', /not locked/)
    await ok('datastore migrate lock')
    assert.match(
      await ok('ipam split 2 --cidr=10.65.0.0/24'),
      /split pool p into 2 pools: 10\.65\.0\.0\/25, 10\.65\.0\.128\/25\n$/,
    )
    const pools = (await cluster.client.resources('IPPool').list()).map(({ metadata, spec }) => [
      metadata.name,
      spec.cidr,
      spec.natOutgoing,
    ])
    assert.deepEqual(pools, [
      ['split-p-0', '10.65.0.0/25', true],
      ['split-p-1', '10.65.0.128/25', true],
    ])
    assert.match(await ok('ipam show --ip=10.65.0.1'), /in use/)
    assert.ok(Object.hasOwn(await cluster.everything(), '/calico/ipam/v2/host/host-a/ipv4/block/10.65.0.0-26'))
  })
  test('mistakes are named', async () => {
    await ok('datastore migrate lock')
    await fails('ipam split 3 --name=p', /"3": want a power of two/)
    await fails('ipam split 8 --name=p', /a part would be smaller than a block \(\/26\)/)
    await fails('ipam split 2 --name=q', /Cannot find pool q: there are p \(10\.65\.0\.0\/24\)/)
    await fails('ipam split 2', /Say which pool/)
  })
})

describe('deleting a pool', () => {
  const users =
    /pool 10\.65\.0\.0\/24: it is used by endpoint x\/\S+ \(10\.65\.0\.1\), 10\.65\.0\.2 \(docker\.w2\), 10\.65\.0\.3 \(docker\.w3\)\n$/
  test('in use it is refused with what uses it, by either command', async () => {
    await fails('delete ippool p', users)
    await fails('pool remove 10.65.0.0/24', users)
  })
  test('tunnels are no obstacle, and its blocks go with it', async () => {
    await ipam.releaseIps(['10.65.0.1', '10.65.0.2', '10.65.0.3'].map((ip) => ({ ip: parseIp(ip) })))
    const [endpoint] = await cluster.client.resources('WorkloadEndpoint').list()
    await cluster.client.resources('WorkloadEndpoint').delete(endpoint?.metadata.name ?? '', 'x')
    await cluster.client.resources('IPPool').modify('p', undefined, (stored) => ({
      ...stored,
      spec: { ...stored.spec, ipipMode: 'Always' },
    }))
    await ipam.ensureTunnelAddresses(HOST_A)
    await ok('delete ippool p')
    assert.deepEqual(
      Object.keys(await cluster.everything()).filter((key) => key.startsWith('/calico/ipam/v2/host/')),
      [],
    )
  })
  test('--force leaves the addresses with those who hold them', async () => {
    await ok('delete ippool p --force')
    assert.deepEqual(await cluster.client.resources('IPPool').list(), [])
    assert.equal((await ipam.findHolder(parseIp('10.65.0.2')))?.handle, 'docker.w2')
  })
})

describe('ipam configure', () => {
  test('sets what is given', async () => {
    assert.equal(
      await ok('ipam configure --strictaffinity=true --max-blocks-per-host=4'),
      'Successfully set StrictAffinity to: true\nSuccessfully set MaxBlocksPerHost to: 4\n',
    )
    assert.match(await ok('ipam show --show-configuration'), /\| MaxBlocksPerHost +\| +4 \|/)
  })
  test('mistakes are named', async () => {
    await fails('ipam configure', /Nothing to set/)
    await fails('ipam configure --max-blocks-per-host=many', /"many" for max-blocks-per-host/)
    await fails('ipam configure --ip-cooldown-seconds=5', /no place in this datastore/)
  })
})
