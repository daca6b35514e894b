/** Running nodes on a cluster of three members with TLS and client certificates, while members go and come back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { expectBlocked, expectReachable, type Host, type LabEtcd, Traffic } from '@calico-node/lab'
import { TestCa } from '@calico-node/testkit'
import { addOpenWorkload, addWorkload, withLab } from '../with-lab.ts'
import { ROOT, startCluster } from './lab-cluster.ts'

const PROXY = '127.0.0.1:23790'
const endpointsOf = (members: readonly LabEtcd[]): string => members.map(({ endpoint }) => endpoint).join(',')

/** A client certificate without a common name: etcd takes that of a proxy for the user of everybody behind it. */
async function clientSettings(ca: TestCa): Promise<Record<'ca' | 'cert' | 'key', string>> {
  const { certFile, keyFile } = await ca.issue('client', { commonName: '' })
  return { ca: ca.caFile, cert: certFile, key: keyFile }
}

/** As the documents' "etcd proxy" of each host: the cluster on the loopback address. */
async function behindProxy(host: Host, members: readonly LabEtcd[], ca: TestCa): Promise<void> {
  const client = await clientSettings(ca)
  const argv = [
    'etcd',
    'grpc-proxy',
    'start',
    `--endpoints=${endpointsOf(members)}`,
    `--listen-addr=${PROXY}`,
    `--cacert=${client.ca}`,
    `--cert=${client.cert}`,
    `--key=${client.key}`,
  ]
  host.machine.spawn(argv, 'grpc-proxy.log')
  host.machine.env['ETCD_ENDPOINTS'] = `http://${PROXY}`
}

async function overTls(host: Host, members: readonly LabEtcd[], ca: TestCa): Promise<void> {
  const client = await clientSettings(ca)
  Object.assign(host.machine.env, {
    ETCD_ENDPOINTS: endpointsOf(members),
    ETCD_CA_CERT_FILE: client.ca,
    ETCD_CERT_FILE: client.cert,
    ETCD_KEY_FILE: client.key,
  })
}

test('one node through a local grpc-proxy, one over TLS', { timeout: 240_000 }, async (t) => {
  const ca = await TestCa.create()
  t.after(() => ca.remove())
  await withLab({ start: false }, async (lab, [host1, host2]) => {
    assert.ok(host1 !== undefined && host2 !== undefined)
    const members = await startCluster(lab, { ca, passwords: false })
    await lab.etcd.stop() // nobody may fall back to it
    await behindProxy(host1, members, ca)
    await overTls(host2, members, ca)
    for (const host of [host1, host2]) await host.startNode()
    const a = await addOpenWorkload(host1, 'a')
    const b = await addOpenWorkload(host2, 'b')
    const closed = [await addWorkload(host1, 'closed1'), await addWorkload(host2, 'closed2')]
    const open = [
      { from: a, to: b },
      { from: b, to: a },
    ]

    await t.test('workloads of both reach each other, and only those that may', async () => {
      await expectReachable(open, 30_000)
      for (const to of closed) await expectBlocked([{ from: a, to }])
    })

    /** Both nodes hear of a change that each of them makes. */
    const hearsOfChanges = async (): Promise<void> => {
      for (const [at, host] of [host1, host2].entries()) {
        const to = closed[at] ?? assert.fail()
        await host.calicoctl('container', to.name, 'profile', 'set', 'open')
        await expectReachable([{ from: at === 0 ? b : a, to }], 30_000)
        await host.calicoctl('container', to.name, 'profile', 'set')
        await expectBlocked([{ from: at === 0 ? b : a, to }], 1, 30_000)
      }
    }

    await t.test(
      'each member in turn is lost and comes back: no packet is lost, changes arrive meanwhile',
      async () => {
        for (const member of members) {
          const traffic = [new Traffic(a, await b.address()), new Traffic(b, await a.address())]
          await member.stop()
          await hearsOfChanges()
          await member.start()
          for (const each of traffic) {
            const { sent, answered } = await each.stop()
            assert.ok(sent > 100, `only ${sent} packets were sent`)
            assert.equal(answered, sent, `${sent - answered} of ${sent} packets were lost`)
          }
        }
        await hearsOfChanges()
      },
    )

    await t.test('without a majority nothing changes, and a change that waited is carried out', async () => {
      const [first, second] = members
      assert.ok(first !== undefined && second !== undefined)
      const traffic = new Traffic(a, await b.address())
      await Promise.all([first.stop(), second.stop()])
      await sleep(3_000)
      const { code, stderr } = await host2.machine.exec(['calicoctl', 'get', 'nodes'])
      assert.equal(code, 1)
      assert.match(stderr, /a majority of its members must be up/)
      for (const member of [first, second]) member.launch()
      await waitFor('the cluster to answer', async () => (await first.ctl('get', '/')).code === 0, {
        deadlineMs: 20_000,
      })
      const { sent, answered } = await traffic.stop()
      assert.equal(answered, sent)
      await hearsOfChanges()
    })
  })
})

test('a node over TLS with a certificate and a password', { timeout: 180_000 }, async (t) => {
  const ca = await TestCa.create()
  t.after(() => ca.remove())
  await withLab({ hosts: ['host1'], start: false }, async (lab, [host]) => {
    assert.ok(host !== undefined)
    const members = await startCluster(lab, { ca, passwords: true })
    await lab.etcd.stop()
    await overTls(host, members, ca)
    const denied = await host.machine.exec(['calicoctl', 'get', 'nodes'])
    assert.match(denied.stderr, /it wants a user with permission/)
    Object.assign(host.machine.env, { ETCD_USERNAME: ROOT.username, ETCD_PASSWORD: ROOT.password })
    await host.startNode()
    const a = await addOpenWorkload(host, 'a')
    const b = await addOpenWorkload(host, 'b')
    await expectReachable([{ from: a, to: b }], 30_000)
    for (const [at, member] of members.entries()) {
      const close = at % 2 === 0
      await host.calicoctl('container', 'b', 'profile', 'set', ...(close ? [] : ['open']))
      if (close) await expectBlocked([{ from: a, to: b }], 1, 30_000)
      else await expectReachable([{ from: a, to: b }], 30_000)
      await member.stop() // with the tokens that it knew
      await member.start()
    }
    await host.calicoctl('container', 'b', 'profile', 'set', 'open')
    await expectReachable([{ from: a, to: b }], 30_000)
  })
})
