/** `trace --live` reads the counters of this host's kernel. Which rules decide is tested under Felix, in test/policy. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { run } from '@calico-node/linux'
import { makeResource } from '@calico-node/model'
import { requireOwnNamespace } from '@calico-node/testkit'
import { TestCluster } from './harness.test.ts'

requireOwnNamespace()

/** Workloads share their chains; the dispatch says which one has which. */
const CHAIN = 'cali-tw-_shared'

describe('trace --live', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await TestCluster.start()
    for (const [i, node] of ['host-a', 'host-b'].entries()) {
      const spec = { orchestrator: 'cni', node, containerID: `c${i}`, endpoint: 'eth0', interfaceName: `cali${i}` }
      const endpoint = makeResource(
        'WorkloadEndpoint',
        { namespace: 'default' },
        { ...spec, ipNetworks: [`10.65.0.${i + 1}/32`] },
      )
      await cluster.client.resources('WorkloadEndpoint').create(endpoint)
    }
    for (const chain of ['cali-to-wl-dispatch', CHAIN]) await run('iptables-nft', ['-N', chain])
    await run('iptables-nft', ['-A', 'cali-to-wl-dispatch', '-o', 'cali0', '-g', CHAIN])
    const rule = ['-m', 'comment', '--comment', 'Neither policy nor profile allows it', '-j', 'DROP']
    await run('iptables-nft', ['-A', CHAIN, ...rule, '--set-counters', '7', '420'])
  })
  after(() => cluster.stop())

  const live = async (to: string): Promise<string> => {
    const { exit, stdout, stderr } = await cluster.cli(`trace 192.0.2.1 ${to} --live`)
    assert.deepEqual([exit, stderr], [2, ''])
    return stdout
  }

  test('shows what the rule that decides has counted', async () => {
    const text = await live('10.65.0.1')
    assert.match(text, /^ {4}iptables-nft filter cali-tw-_shared:\n {4}=> 7 packets, 420 bytes: -j DROP$/m)
    assert.doesNotMatch(await cluster.cli('trace 192.0.2.1 10.65.0.1').then(({ stdout }) => stdout), /packets/)
  })
  test('says where the counters are when they are not here', async () => {
    assert.match(await live('10.65.0.2'), /^ {4}\(counters are on host-b, not here\)$/m)
  })
  test('says when the kernel has no such rule', async () => {
    await run('iptables-nft', ['-F', CHAIN])
    assert.match(await live('10.65.0.1'), /^ {4}\(no rule for this in the kernel of this host\)$/m)
  })
})
