/** Packets while a table is rewritten over and over: none that is allowed is lost, none that is denied passes. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { parseCidr } from '@calico-node/model'
import { Peer, requireOwnNamespace } from '@calico-node/testkit'
import { replaceRoute } from '../links.ts'
import type { RuleTable } from '../ports.ts'
import { run } from '../run.ts'
import type { Match, Rule } from '../rules/types.ts'
import { createRuleTable, type IptablesVariant } from './table.ts'

requireOwnNamespace()

const PACKETS = 500
const INTERVAL_MS = 2
const IPS = { client: '10.65.0.1', open: '10.65.0.2', closed: '10.65.0.3' }
type Name = keyof typeof IPS

const net = (side: 'source' | 'destination', name: Name): Match => ({
  kind: 'net',
  side,
  cidr: parseCidr(`${IPS[name]}/32`),
})
const jump = (chain: string): Rule => ({ match: [], action: { kind: 'jump', chain } })

/** The same verdicts each time, by other rules: chains come, go and change, and so do the hooks. */
function revise(table: RuleTable, revision: number): void {
  const even = revision % 2 === 0
  const comments = [`revision ${revision}`]
  const policy = `cali-pi-${even ? 'even' : 'odd'}`
  table.removeChain(`cali-pi-${even ? 'odd' : 'even'}`)
  table.setChain({
    name: policy,
    rules: [
      { match: [net('destination', 'closed')], action: { kind: 'drop' }, comments },
      { match: [net('source', 'client'), net('destination', 'open')], action: { kind: 'accept' }, comments },
      { match: [net('source', 'open'), net('destination', 'client')], action: { kind: 'accept' }, comments },
      // so that one request which slips through is answered, and counted
      { match: [net('source', 'closed'), net('destination', 'client')], action: { kind: 'accept' }, comments },
    ],
  })
  table.setChain({ name: 'cali-FORWARD', rules: [jump(policy), { match: [], action: { kind: 'drop' }, comments }] })
  table.setHook({ chain: 'FORWARD', insert: [{ ...jump('cali-FORWARD'), comments: even ? ['even'] : [] }], append: [] })
}

describe('rewriting a table under traffic', () => {
  const peers = new Map<Name, Peer>()
  const client = (): Peer => peers.get('client') ?? assert.fail('no client')

  before(async () => {
    for (const [i, name] of (['client', 'open', 'closed'] as const).entries()) {
      const dev = `cali${i}`
      const peer = await Peer.start({ name, hostInterface: dev, addresses: [`${IPS[name]}/32`] })
      peers.set(name, peer)
      writeFileSync(`/proc/sys/net/ipv4/conf/${dev}/proxy_arp`, '1')
      writeFileSync(`/proc/sys/net/ipv4/neigh/${dev}/proxy_delay`, '0')
      await replaceRoute({ dst: parseCidr(`${IPS[name]}/32`), kind: 'unicast', dev, scope: 'link', protocol: 3 })
    }
    await run('ip', ['route', 'add', 'default', 'dev', 'lo']) // without it the kernel does not answer ARP for 169.254.1.1
    for (const name of ['open', 'closed'] as const) assert.equal(await client().ping(IPS[name], { count: 3 }), 3, name)
  })
  after(async () => {
    for (const peer of peers.values()) await peer.stop()
  })

  for (const variant of ['legacy', 'nft'] as const satisfies IptablesVariant[]) {
    test(`iptables-${variant}`, async () => {
      const create = (): RuleTable => createRuleTable({ variant, table: 'filter', ipVersion: 4, log: quietLogger })
      let table = create()
      revise(table, 0)
      await table.apply()
      const flood = { count: PACKETS, intervalMs: INTERVAL_MS }
      const traffic = Promise.all([client().ping(IPS.open, flood), client().ping(IPS.closed, flood)])

      const over = new AbortController()
      void traffic.finally(() => over.abort())
      let revisions = 0
      while (!over.signal.aborted) {
        // Every fifth time by a process that remembers nothing.
        if (++revisions % 5 === 0) table = create()
        revise(table, revisions)
        await table.apply()
      }
      const [allowed, denied] = await traffic
      console.log(`  iptables-${variant}: ${revisions} revisions during ${PACKETS} packets each way`)
      assert.ok(revisions >= 10, `${revisions}`)
      assert.deepEqual({ allowed, denied }, { allowed: PACKETS, denied: 0 })
      await create().apply()
    })
  }
})
