import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { run } from '../run.ts'
import { cleanOtherVariant, detectIptables } from './detect.ts'
import { createRuleTable, type IptablesVariant } from './table.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const install = async (variant: IptablesVariant, ipVersion: 4 | 6 = 4): Promise<void> => {
  const table = createRuleTable({ variant, table: 'filter', ipVersion, log: quietLogger })
  table.setChain({ name: 'cali-FORWARD', rules: [{ match: [], action: { kind: 'accept' } }] })
  table.setHook({
    chain: 'FORWARD',
    insert: [{ match: [], action: { kind: 'jump', chain: 'cali-FORWARD' } }],
    append: [],
  })
  await table.apply()
}
const detect = async (): Promise<string> => (await detectIptables(quietLogger)).variant

describe('which iptables', () => {
  test('looking creates no table in either', async () => {
    assert.equal(await detect(), 'legacy')
    assert.equal(readFileSync('/proc/net/ip_tables_names', 'utf8'), '')
    assert.equal(await run('nft', ['list', 'ruleset']), '')
  })
  test('follows other people’s rules, then the kubelet, then our own, and tells of leftovers', async () => {
    await run('iptables-nft', ['-A', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT'])
    assert.equal(await detect(), 'nft')
    await run('iptables-legacy', ['-t', 'mangle', '-N', 'KUBE-KUBELET-CANARY'])
    assert.equal(await detect(), 'legacy')
    await install('nft')
    assert.equal(await detect(), 'nft')
    await install('legacy')
    await install('legacy', 6)
    const { variant, leftovers } = await detectIptables(quietLogger, { configured: 'nft' })
    assert.equal(variant, 'nft')
    assert.deepEqual(leftovers, [
      { ipVersion: 4, table: 'filter' },
      { ipVersion: 6, table: 'filter' },
    ])
  })
  test('the unused one is cleaned of what is ours, and only of that', async () => {
    await run('iptables-legacy', ['-A', 'FORWARD', '-p', 'udp', '-j', 'ACCEPT'])
    assert.equal((await cleanOtherVariant('legacy', quietLogger)).length, 2)
    const legacy = (await run('iptables-legacy-save', [])) + (await run('ip6tables-legacy-save', []))
    assert.ok(!legacy.includes('cali'))
    assert.match(legacy, /-A FORWARD -p udp -j ACCEPT/)
    assert.match(legacy, /KUBE-KUBELET-CANARY/)
    assert.match(await run('iptables-nft-save', []), /-A FORWARD .*-j cali-FORWARD/)
    assert.deepEqual(await cleanOtherVariant('legacy', quietLogger), [])
  })
  test('a table that iptables-nft cannot show is an error and is left as it is', async () => {
    await run('nft', ['add table ip6 filter'])
    await run('nft', ['add chain ip6 filter FORWARD { type filter hook forward priority 0; }'])
    await run('nft', ['add rule ip6 filter FORWARD ct mark set meta mark and 0xff or 0x1'])
    const before = await run('nft', ['list', 'ruleset'])
    await assert.rejects(install('nft', 6), (err: Error) => {
      assert.match(String(err.cause), /only the nft tool can show/)
      return true
    })
    assert.equal(await run('nft', ['list', 'ruleset']), before)
  })
})
