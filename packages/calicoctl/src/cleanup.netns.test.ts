/** `node cleanup` on a host that holds our things beside those of others, read back by the kernel's own tools. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { addVeth, createIpSets, createRuleTable, run, setLink, type Chain } from '@calico-node/linux'
import { requireOwnNamespace } from '@calico-node/testkit'
import { TestCluster } from './harness.test.ts'

requireOwnNamespace()
const log = quietLogger
const shell = (line: string): Promise<string> => {
  const [file = '', ...args] = line.split(' ')
  return run(file, args)
}

let cluster: TestCluster
before(async () => {
  cluster = await TestCluster.start()
})
after(() => cluster.stop())

const VARIANTS = ['legacy', 'nft'] as const
const chain = (name: string): Chain => ({ name, rules: [{ match: [], action: { kind: 'drop' } }] })

/** Rules of others, and everything else that must not change. */
async function putForeign(): Promise<void> {
  await setLink('lo', { up: true })
  for (const variant of VARIANTS) {
    await shell(`iptables-${variant} -N DOCKER`)
    await shell(`iptables-${variant} -A FORWARD -j DOCKER`)
    await shell(`iptables-${variant} -t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE`)
    await shell(`ip6tables-${variant} -A INPUT -p tcp --dport 22 -j ACCEPT`)
  }
  await shell('ipset create californian hash:ip')
  await addVeth({ name: 'eth9' }, { name: 'switch9' })
  for (const name of ['eth9', 'switch9']) await setLink(name, { up: true })
  await shell('ip addr add 192.0.2.1/24 dev eth9')
  for (const route of ['198.51.100.0/24 dev eth9', '203.0.113.0/24 via 192.0.2.9 proto 12'])
    await shell(`ip route add ${route}`)
}

async function putOurs(): Promise<void> {
  for (const variant of VARIANTS) {
    for (const ipVersion of [4, 6] as const) {
      const table = createRuleTable({ variant, table: 'filter', ipVersion, log })
      table.setChain(chain('cali-FORWARD'))
      table.setHook({
        chain: 'FORWARD',
        insert: [{ match: [], action: { kind: 'jump', chain: 'cali-FORWARD' } }],
        append: [{ match: [], action: { kind: 'accept' } }],
      })
      await table.apply()
    }
  }
  for (const ipVersion of [4, 6] as const) {
    const sets = createIpSets({ ipVersion, log })
    for (let i = 0; i < 25; i++)
      sets.setIpSet({ name: `cali${ipVersion}0s:${i}`, type: 'hash:net', ipVersion, members: new Set() })
    await sets.apply()
  }
  await shell('ip link add vxlan.calico type vxlan id 4096 dstport 4789 dev eth9')
  await shell('ip link set vxlan.calico up')
  await shell('ip route add 10.65.1.0/26 via 192.0.2.9 proto 80')
  await shell('ip route add blackhole 10.65.0.0/26 proto 80')
}

/** The host in words, without counters and handles. */
async function host(): Promise<string> {
  const parts = [
    'iptables-legacy-save',
    'iptables-nft-save',
    'ip6tables-legacy-save',
    'ip6tables-nft-save',
    'ipset save',
    'ip -o link',
    'ip -4 route',
    'ip -6 route',
  ]
  const texts = await Promise.all(parts.map(shell))
  return texts
    .join('')
    .split('\n')
    .filter((text) => !text.startsWith('#'))
    .map((text) => text.replace(/\[\d+:\d+\]/, ''))
    .join('\n')
}

describe('node cleanup', () => {
  let foreign = ''
  before(async () => {
    await putForeign()
    foreign = await host()
    await putOurs()
  })

  test('with --dry-run says what is ours, and changes nothing', async () => {
    const full = await host()
    const { exit, stdout, stderr } = await cluster.cli('node cleanup --dry-run')
    assert.deepEqual([exit, stderr], [0, ''])
    for (const text of [
      'Would remove table filter of iptables-legacy: 1 chain, 2 rules in chains of others',
      'Would remove table filter of ip6tables-nft: 1 chain, 2 rules in chains of others',
      'Would remove 50 IP sets: ',
      'Would remove route 10.65.1.0/26 via 192.0.2.9 dev eth9',
      'Would remove route 10.65.0.0/26',
      'Would remove device vxlan.calico',
    ])
      assert.ok(stdout.includes(text), `${text}\n${stdout}`)
    assert.doesNotMatch(stdout, /californian|DOCKER|203\.0\.113/)
    assert.equal(await host(), full)
  })

  test('does not cut workloads off unless it is told to', async () => {
    await addVeth({ name: 'cali0' }, { name: 'inside0' })
    const full = await host()
    const { exit, stdout, stderr } = await cluster.cli('node cleanup')
    assert.deepEqual([exit, stdout], [1, ''])
    assert.match(stderr, /^Cannot clean up: 1 interface\(s\) of workloads are here \(cali0\)\. Use --remove-endpoints/)
    assert.equal(await host(), full)
  })

  test('removes exactly what is ours, and may be repeated', async () => {
    const { exit, stdout, stderr } = await cluster.cli('node cleanup --remove-endpoints')
    assert.deepEqual([exit, stderr], [0, ''])
    assert.match(stdout, /^Removed interface cali0$/m)
    assert.equal(await host(), foreign)
    const again = await cluster.cli('node cleanup')
    assert.deepEqual(again, { exit: 0, stdout: 'Nothing of Calico is on this host.\n', stderr: '' })
  })

  test("takes BIRD's routes only when it is told to", async () => {
    assert.match(await shell('ip route'), /203\.0\.113\.0/)
    const { stdout } = await cluster.cli('node cleanup --bird-routes')
    assert.match(stdout, /^Removed route 203\.0\.113\.0\/24 via 192\.0\.2\.9 dev eth9\n$/)
    assert.doesNotMatch(await shell('ip route'), /203\.0\.113\.0/)
  })

  test('with --datastore removes the node and what is its own, and no other', async () => {
    const stdin = ['host-a', 'host-b']
      .map((name) => `{apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: ${name}}, spec: {}}`)
      .join('\n---\n')
    assert.equal((await cluster.cli('apply -f -', { stdin })).exit, 0)
    const reports = ['host-a', 'host-b'].map((name) => `/calico/felix/v2/no-region/host/${name}/last_reported_status`)
    for (const key of reports) await cluster.store.put(key, '{}')
    assert.match((await cluster.cli('node cleanup --datastore --dry-run')).stdout, /Would remove node host-a from/)
    assert.ok(await cluster.client.resources('Node').find('host-a'))
    assert.match((await cluster.cli('node cleanup --datastore')).stdout, /^Removed node host-a from the datastore$/m)
    const left = Object.keys(await cluster.everything()).filter((key) => key.includes('/host'))
    assert.deepEqual(
      left.filter((key) => key.includes('host-a')),
      [],
    )
    assert.equal(left.filter((key) => key.includes('host-b')).length, 2)
    const again = await cluster.cli('node cleanup --datastore')
    assert.deepEqual([again.exit, again.stderr], [0, ''])
    assert.match(again.stdout, /^There is no node host-a in the datastore\.$/m)
  })
})
