/** Every criterion and operation of a BGPFilter, changed live, seen in what real peers have afterwards. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { requireOwnNamespace } from '@calico-node/testkit'
import { put, putBlock, putNode, withHosts } from './testing/hosts.ts'
import { startRouter } from './testing/router.ts'

requireOwnNamespace()

const LONG = { deadlineMs: 25_000 }
const BLOCKS = ['192.168.1.0/26', '192.168.2.0/26', '192.168.64.0/20']
const BORROWED = '192.168.200.5/32'
/** Of the router: with a community and a longer path, and with a large community. */
const [TAGGED, LARGE] = ['10.77.0.0/16', '10.78.0.0/16'] as const
const OWN = [...BLOCKS, BORROWED]
const ALL = [TAGGED, LARGE, ...OWN]

const ROUTES = `  route ${TAGGED} blackhole { bgp_community.add((65001, 1)); };
  route ${LARGE} blackhole { bgp_large_community.add((65001, 1, 1)); };`

const LONGER = `if net = ${TAGGED} then bgp_path.prepend(65002);`

const pool = { cidr: '192.168.0.0/16' }
const allBut = (...gone: readonly string[]): readonly string[] => ALL.filter((prefix) => !gone.includes(prefix))
const within = (matchOperator: string, more: object = {}): object => ({ ...pool, matchOperator, ...more })
const value = '64512:9'

/** The rule rejects what it matches, and this is what the inner peer has then. */
const CRITERIA: [kind: string, criterion: object, left: readonly string[]][] = [
  ['Equal', { cidr: BLOCKS[0], matchOperator: 'Equal' }, allBut('192.168.1.0/26')],
  ['NotEqual', { cidr: BLOCKS[0], matchOperator: 'NotEqual' }, ['192.168.1.0/26']],
  ['In', within('In'), [TAGGED, LARGE]],
  ['NotIn', within('NotIn'), OWN],
  [
    'In, of some lengths',
    within('In', { prefixLength: { min: 21, max: 26 } }),
    allBut('192.168.1.0/26', '192.168.2.0/26'),
  ],
  ['NotIn, of some lengths', within('NotIn', { prefixLength: { max: 26 } }), BLOCKS],
  ['source', { source: 'RemotePeers' }, OWN],
  ['interface', { interface: 'cali*' }, allBut(BORROWED)],
  ['peerType iBGP', { peerType: 'iBGP' }, []],
  ['peerType eBGP', { peerType: 'eBGP' }, ALL],
  ['community', { communities: { values: ['65001:1'] } }, allBut(TAGGED)],
  ['large community', { communities: { values: ['65001:1:1'] } }, allBut(LARGE)],
  ['asPathPrefix', { asPathPrefix: [65_002, 65_001] }, allBut(TAGGED)],
  ['priority', { priority: 1024 }, [TAGGED, LARGE]],
]

/** Done to the block 192.168.1.0/26, and this is what the inner peer sees of it. */
const OPERATIONS: [operation: object, seen: RegExp][] = [
  [{ addCommunity: { value } }, /BGP\.community: \(64512,9\)/],
  [{ addCommunity: { value: '64512:9:9' } }, /BGP\.large_community: \(64512, 9, 9\)/],
  [{ prependASPath: { prefix: [65_100, 65_101] } }, /BGP\.as_path: 65100 65101\n/],
  [{ setPriority: { value: 7 } }, /BGP\.local_pref: 2147483640/],
]

describe('a BGPFilter', () => {
  test('decides by each criterion, and changes routes by each operation, without touching the sessions', (t) =>
    withHosts(3, async ([node, router, inner], store) => {
      assert.ok(node && router && inner)
      await putNode(store, node)
      await put(store, 'IPPool', 'v4', pool)
      await put(store, 'IPPool', 'outside', { cidr: '10.64.0.0/10' })
      for (const block of BLOCKS) await putBlock(store, node, block)
      await put(store, 'BGPFilter', 'f', {})
      await put(store, 'BGPPeer', 'inner', { peerIP: inner.address[4], asNumber: 64_512, filters: ['f'] })
      await put(store, 'BGPPeer', 'router', { peerIP: router.address[4], asNumber: 65_001, filters: ['g'] })
      node.startConfd(store)
      await node.startBird(4)
      node.ip('link', 'add', 'cali1', 'type', 'veth', 'peer', 'name', 'w1')
      for (const link of ['cali1', 'w1']) node.ip('link', 'set', link, 'up')
      node.ip('route', 'add', BORROWED, 'dev', 'cali1')
      const neighbor = node.address[4]
      await startRouter(router, { asNumber: 65_001, neighbor, routes: ROUTES, exporting: LONGER })
      const seen = await startRouter(inner, { asNumber: 64_512, neighbor })
      const got = async (): Promise<string> =>
        (await seen.routes('protocol node'))
          .map(({ prefix }) => prefix)
          .filter((prefix) => ALL.includes(prefix)) // a filter may let more out, such as the network of the hosts
          .toSorted()
          .join()
      const expectAt = (what: string, prefixes: readonly string[]): Promise<boolean> =>
        waitFor(what, async () => (await got()) === prefixes.toSorted().join(), LONG).catch(async (err: unknown) => {
          throw new Error(`the peer has ${await got()}`, { cause: err })
        })
      await node.established(4, 2)
      await expectAt('all routes without rules', ALL)
      const since = async (): Promise<readonly string[]> =>
        (await node.client().protocols())
          .filter(({ proto }) => proto === 'BGP')
          .map((row) => `${row.name} ${row.since}`)
      const before = await since()

      for (const [kind, criterion, left] of CRITERIA) {
        await t.test(`criterion ${kind}`, async () => {
          await put(store, 'BGPFilter', 'f', { exportV4: [{ ...criterion, action: 'Reject' }] })
          await expectAt(kind, left)
          await put(store, 'BGPFilter', 'f', { exportV4: [{ ...criterion, action: 'Accept' }, { action: 'Reject' }] })
          await expectAt(`the opposite of ${kind}`, allBut(...left))
        })
      }
      for (const [operation, sight] of OPERATIONS) {
        await t.test(`operation ${JSON.stringify(operation)}`, async () => {
          const only = { cidr: BLOCKS[0], matchOperator: 'Equal', action: 'Accept', operations: [operation] }
          await put(store, 'BGPFilter', 'f', { exportV4: [only] })
          const text = async (): Promise<string> =>
            (await seen.query(`show route all ${BLOCKS[0]}`)).map((reply) => reply.text).join('\n')
          await waitFor(String(sight), async () => sight.test(await text()), LONG)
        })
      }
      await t.test(
        'on import: what is rejected is not there, and a priority becomes the metric in the kernel',
        async () => {
          const both = /^10\.77\.0\.0\/16 .* metric 2147483547 [^]*^10\.78\.0\.0\/16 .* metric 2147483547 /m
          await waitFor('the routes of the router', () => both.test(node.routes()), LONG)
          const tagged = { communities: { values: ['65001:1'] }, action: 'Reject' }
          const hurried = { asPathPrefix: [65_001], action: 'Accept', operations: [{ setPriority: { value: 50 } }] }
          await put(store, 'BGPFilter', 'g', { importV4: [tagged, hurried] })
          await waitFor('the import filter', () => /^10\.78\.0\.0\/16 .* metric 50 /m.test(node.routes()), LONG)
          await waitFor('the rejected route to go', () => !node.routes().includes('10.77.0.0'), LONG)
        },
      )
      assert.deepEqual(await since(), before)
    }))
})
