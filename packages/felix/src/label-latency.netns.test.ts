/**
 * How long a changed label takes to become a verdict, told by packets: from before the write to etcd until the first datagram
 * comes in (allow), or the last one (deny). The sender's pace of one a millisecond limits the resolution.
 *
 * By default a small world with a limit that only something badly wrong would break; for figures of a large one:
 * `BENCH_LOCAL=1000 BENCH_CLUSTER=10000 BENCH_POLICIES=1000 scripts/in-netns.sh node --test packages/felix/src/label-latency.netns.test.ts`
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { quietLogger, sleep, waitFor } from '@calico-node/core'
import { openEtcd } from '@calico-node/datastore'
import { TestEtcd, requireOwnNamespace } from '@calico-node/testkit'
import { stored, workload } from './calc/graph-testing.ts'
import { HostScene, sh, VARIANTS, type Workload } from './dataplane/host-scene.test.ts'
import { CLUSTER_READY, FelixProcess } from './felix-process.test.ts'

requireOwnNamespace()

const size = (name: string, value: number): number => Number(process.env[`BENCH_${name}`] ?? value)
const [local, cluster, policies, rounds] = [
  size('LOCAL', 50),
  size('CLUSTER', 500),
  size('POLICIES', 50),
  size('ROUNDS', 20),
]
const LIMIT_MS = 100

const numbered = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const quantile = (values: readonly number[], q: number): number =>
  Math.round(10 * (values.toSorted((a, b) => a - b)[Math.floor(q * values.length)] ?? Number.NaN)) / 10
const epochMs = (): number => performance.timeOrigin + performance.now()

/** Endpoints of which `local` are here, and policies that select them and one another. */
const world = (): (readonly [string, string])[] => [
  CLUSTER_READY,
  stored('tiers', 'default', { order: 1_000_000 }),
  stored('profiles', 'open', { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] }),
  stored('globalnetworkpolicies', 'default.servers', {
    tier: 'default',
    selector: "role == 'server'",
    types: ['Ingress'],
    ingress: [{ action: 'Allow', source: { selector: "role == 'client'" } }],
  }),
  ...numbered(cluster, (i) =>
    workload(`w${i}`, {
      node: i < local ? 'here' : `node${i % 50}`,
      ips: [`10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`],
      profiles: ['open'],
      labels: { role: `r${i % policies}` },
    }),
  ),
  ...numbered(policies, (i) =>
    stored('globalnetworkpolicies', `default.p${i}`, {
      tier: 'default',
      selector: `role == 'r${i}'`,
      types: ['Ingress'],
      ingress: [
        {
          action: 'Allow',
          protocol: 'TCP',
          source: { selector: `role == 'r${(i + 1) % policies}'` },
          destination: { ports: [80, 443] },
        },
      ],
    }),
  ),
]

for (const variant of VARIANTS) {
  test(`a changed label becomes a verdict in milliseconds, iptables-${variant}`, async (t) => {
    const host = await HostScene.create(variant)
    const [sender, server] = [await host.addWorkload('sender', 1), await host.addWorkload('server', 2)]
    const etcd = await TestEtcd.start({ args: ['--unsafe-no-fsync'] })
    const store = openEtcd({ endpoints: etcd.urls }, quietLogger)
    const felix = new FelixProcess({ etcd: etcd.urls.join(), variant })
    const endpoint = ({ peer, ip }: Workload, role: string): [string, string] =>
      workload(peer.name, { ips: [ip[4], ip[6]], profiles: ['open'], labels: { role } })
    try {
      const entries: readonly (readonly [string, string])[] = [
        ...world(),
        endpoint(sender, 'other'),
        endpoint(server, 'server'),
      ]
      for (let from = 0; from < entries.length; from += 100) {
        await Promise.all(entries.slice(from, from + 100).map(([key, value]) => store.put(key, value)))
      }
      const start = epochMs()
      felix.start()
      await felix.inSync(1)
      t.diagnostic(`exec to in sync: ${Math.round(epochMs() - start)} ms`)

      const [allow, deny]: [number[], number[]] = [[], []]
      await sh(
        'echo 5 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout; echo 5 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream',
      )
      void sender.peer.flood(server.ip[4], 80, 120_000)
      await sleep(300)
      assert.equal(await server.peer.received(sender.ip[4]), 0, 'denied at first')
      for (let round = 0; round < rounds; round++) {
        const arrives = server.peer.nextReceived(sender.ip[4])
        const allowedAt = epochMs()
        await store.put(...endpoint(sender, 'client'))
        allow.push((await arrives) - allowedAt)
        await sleep(100)
        const deniedAt = epochMs()
        await store.put(...endpoint(sender, 'other'))
        await waitFor('the last datagram', async () => epochMs() - (await server.peer.lastReceived(sender.ip[4])) > 200)
        deny.push((await server.peer.lastReceived(sender.ip[4])) - deniedAt)
      }
      const memory = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${felix.pid}/status`, 'utf8'))?.[1]
      t.diagnostic(
        `${local} local of ${cluster} endpoints, ${policies} policies; RSS ${Math.round(Number(memory) / 1024)} MB`,
      )
      for (const [what, figures] of Object.entries({ accepted: allow, refused: deny })) {
        t.diagnostic(`label to ${what}: p50 ${quantile(figures, 0.5)} ms, p99 ${quantile(figures, 0.99)} ms`)
      }
      assert.ok(quantile(allow, 0.5) < LIMIT_MS, `p50 is ${quantile(allow, 0.5)} ms`)
    } finally {
      await felix.kill('SIGKILL')
      store.close()
      await etcd.stop()
      await host.destroy()
    }
  })
}
