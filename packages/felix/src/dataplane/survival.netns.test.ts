import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import type { CalcMessage } from '../calc/messages.ts'
import {
  bothVersions,
  expectDrop,
  expectPass,
  HostScene,
  openProfile,
  sh,
  update,
  VARIANTS,
  VERSIONS,
  type Workload,
} from './host-scene.test.ts'
import { requireOwnNamespace } from '@calico-node/testkit'
import { calcRule } from '../calc/rule-fixture.test.ts'

requireOwnNamespace()

const ENV = {
  FELIX_IPTABLESREFRESHINTERVAL: '1',
  FELIX_IPTABLESPOSTWRITECHECKINTERVALSECS: '0.5',
  FELIX_IPSETSREFRESHINTERVAL: '1',
  FELIX_ROUTEREFRESHINTERVAL: '1',
}

for (const variant of VARIANTS) {
  describe(`survival, iptables-${variant}`, () => {
    let host: HostScene
    let a: Workload
    let b: Workload
    let c: Workload
    /** a and b may talk, c may not. */
    const world = (): CalcMessage[] => [
      { kind: 'ipset.update', id: 's:a', type: 'hash:net', members: [a.ip[4], a.ip[6]] },
      {
        kind: 'policy.update',
        id: 'default/p',
        rules: { ingress: [calcRule('allow', { from: { sets: ['s:a'] } })], egress: [] },
      },
      openProfile(),
      update(a, { profiles: ['open'] }),
      update(b, {
        tiers: [{ name: 'default', defaultAction: 'Deny', ingress: ['default/p'], egress: [] }],
        profiles: ['open'],
      }),
      update(c, { profiles: ['open'] }),
      { kind: 'in-sync' },
    ]
    /** What Felix has in the kernel, counters left out. */
    const kernelState = async (): Promise<string> =>
      sh(
        `for t in iptables ip6tables; do $t-${variant}-save | grep -v '^[#:]'; done; ipset save; ip route; ip -6 route show table main proto boot; ip neigh show nud permanent`,
      )

    /**
     * While something happens a (allowed) pings b, and c (denied) sends it a datagram a millisecond.
     * @returns How many of a's echoes were lost and how many of c's datagrams came in.
     */
    const during = async (work: () => Promise<unknown>): Promise<{ lost: number; leaked: number }> => {
      const count = 600
      const leaked = async (): Promise<number> => (await b.peer.received(c.ip[4])) + (await b.peer.received(c.ip[6]))
      const before = await leaked()
      const pings = VERSIONS.map((version) => a.peer.ping(b.ip[version], { count, intervalMs: 5 }))
      const floods = VERSIONS.map((version) => c.peer.flood(b.ip[version], 80, 4000))
      await sleep(200)
      await work()
      const answered = (await Promise.all(pings)).reduce((sum, each) => sum + each, 0)
      const sent = await Promise.all(floods)
      assert.ok(
        sent.every((each) => each > 1000),
        `only ${sent.join(' and ')} datagrams were sent`,
      )
      return { lost: VERSIONS.length * count - answered, leaked: (await leaked()) - before }
    }

    before(async () => {
      host = await HostScene.create(variant, ENV)
      ;[a, b, c] = [await host.addWorkload('a', 1), await host.addWorkload('b', 2), await host.addWorkload('c', 3)]
    })
    after(() => host.destroy())

    test('cold start with traffic from before it: no denied packet passes at any moment', async () => {
      // the routes that a plugin makes are there before we are
      for (const { ip, endpoint } of [a, b, c])
        await sh(
          `ip route add ${ip[4]} dev ${endpoint.interfaceName}; ip -6 route add ${ip[6]} dev ${endpoint.interfaceName}`,
        )
      await sh(
        `ip -n c neigh replace 169.254.1.1 lladdr $(ip -br link show calic | awk '{print $3}') dev eth0 nud permanent`,
      )
      await sh(
        'ip route del 10.65.0.3; ip -6 route del fd00:65::3; echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding',
      )
      const { leaked } = await during(async () => {
        await host.start()
        host.send(...world())
        await host.converged()
      })
      assert.equal(leaked, 0)
      await expectPass(...bothVersions({ from: a, to: b }))
      await expectDrop(...bothVersions({ from: c, to: b }))
    })

    test('a new process finds everything as it should be, writes nothing, and no packet notices', async () => {
      const before = await kernelState()
      const { lost, leaked } = await during(async () => {
        await host.stop()
        await host.start()
        host.send(...world())
        await host.converged()
      })
      assert.deepEqual({ lost, leaked }, { lost: 0, leaked: 0 })
      assert.equal(await kernelState(), before)
    })

    test('what changed while nobody was looking is in force afterwards', async () => {
      await host.stop()
      await host.start()
      const [, , ...rest] = world()
      host.send(
        { kind: 'ipset.update', id: 's:a', type: 'hash:net', members: [] },
        {
          kind: 'policy.update',
          id: 'default/p',
          rules: { ingress: [calcRule('deny', { from: { nets: a.endpoint.nets } }), calcRule('allow')], egress: [] },
        },
        ...rest,
      )
      await expectDrop(...bothVersions({ from: a, to: b }))
      await expectPass(...bothVersions({ from: c, to: b }))
      host.send(...world())
      await expectPass(...bothVersions({ from: a, to: b }))
      await expectDrop(...bothVersions({ from: c, to: b }))
    })

    test('policies, sets and endpoints come and go without touching the traffic of others', async () => {
      const churn = async (round: number): Promise<void> => {
        const id = `s:x${round}`
        const outsider = {
          ...c.endpoint,
          id: { ...c.endpoint.id, endpoint: 'x' },
          interfaceName: a.endpoint.interfaceName,
        }
        host.send(
          { kind: 'ipset.update', id, type: 'hash:net', members: ['10.65.1.1'] },
          {
            kind: 'policy.update',
            id: `default/x${round}`,
            rules: { ingress: [calcRule('deny', { from: { sets: [id] } })], egress: [] },
          },
          update(b, {
            tiers: [
              { name: 'default', defaultAction: 'Deny', ingress: [`default/x${round}`, 'default/p'], egress: [] },
            ],
            profiles: ['open'],
          }),
          { kind: 'workload.update', endpoint: { ...outsider, interfaceName: outsider.interfaceName } },
        )
        await sleep(30)
        host.send(
          { kind: 'workload.remove', id: outsider.id },
          ...world(),
          { kind: 'policy.remove', id: `default/x${round}` },
          { kind: 'ipset.remove', id },
        )
        await sleep(30)
      }
      const { lost, leaked } = await during(async () => {
        for (let round = 0; round < 20; round++) await churn(round)
      })
      assert.deepEqual({ lost, leaked }, { lost: 0, leaked: 0 })
    })

    test('rules of others stay, and stay where they are', async () => {
      await sh(
        `iptables-${variant} -I FORWARD -s 192.0.2.1 -j DROP; iptables-${variant} -A FORWARD -s 192.0.2.2 -j DROP; iptables-${variant} -N theirs; iptables-${variant} -A theirs -j RETURN`,
      )
      const forward = async (): Promise<string[]> =>
        (await sh(`iptables-${variant} -S FORWARD`))
          .split('\n')
          .filter((line) => line.startsWith('-A'))
          .map((line) => /192\.0\.2\.\d|cali-FORWARD|MARK/.exec(line)?.[0] ?? line)
      const wanted = ['cali-FORWARD', '192.0.2.1', '192.0.2.2', 'mark', 'MARK']
      await waitFor(
        'our jump to be first again and our ends last',
        async () => {
          const seen = (await forward()).map((line) =>
            line.includes('mark') && !line.includes('MARK') ? 'mark' : line,
          )
          return seen.length === 5 && seen[0] === wanted[0] && seen[1] === wanted[1] && seen[2] === wanted[2]
        },
        { deadlineMs: 15_000 },
      )
      assert.match(await sh(`iptables-${variant} -S theirs`), /-A theirs -j RETURN/)
      await sh(
        `iptables-${variant} -D FORWARD -s 192.0.2.1 -j DROP; iptables-${variant} -D FORWARD -s 192.0.2.2 -j DROP; iptables-${variant} -F theirs; iptables-${variant} -X theirs`,
      )
      await expectPass(...bothVersions({ from: a, to: b }))
    })

    test('whatever is destroyed by hand is repaired', async () => {
      await waitFor('the dataplane to be idle', () => host.dataplane.health().busyMs === 0)
      const before = await kernelState()
      const damages = [
        `iptables-${variant} -F; ip6tables-${variant} -F`,
        `iptables-${variant} -t raw -F cali-PREROUTING; iptables-${variant} -F cali-fw-calia`,
        `ip6tables-${variant} -F FORWARD`,
        'ipset flush; ipset add cali40s:a 10.65.0.3',
        'ip route del 10.65.0.1; ip -6 route del fd00:65::2; ip neigh flush dev calib nud permanent',
        'echo 0 > /proc/sys/net/ipv4/conf/calia/proxy_arp',
      ]
      for (const damage of damages) {
        await sh(`${damage}; true`)
        await waitFor(`repair after "${damage}"`, async () => (await kernelState()) === before, { deadlineMs: 15_000 })
      }
      await waitFor('proxy ARP', async () => (await sh('cat /proc/sys/net/ipv4/conf/calia/proxy_arp')).trim() === '1')
      await expectPass(...bothVersions({ from: a, to: b }))
      await expectDrop(...bothVersions({ from: c, to: b }))
    })

    test('while rules cannot be written nobody new becomes reachable; afterwards everything catches up', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'broken-iptables-'))
      const path = process.env['PATH'] ?? ''
      for (const tool of ['iptables', 'ip6tables']) {
        writeFileSync(join(dir, `${tool}-${variant}-restore`), '#!/bin/sh\necho out of order >&2\nexit 4\n')
        chmodSync(join(dir, `${tool}-${variant}-restore`), 0o755)
      }
      try {
        process.env['PATH'] = `${dir}:${path}`
        const d = await host.addWorkload('d', 4)
        host.send(update(d, { profiles: ['open'] }))
        const broken = await waitFor('problems to show', () => {
          const { failures } = host.dataplane.health()
          return failures.length >= 2 && failures
        })
        assert.deepEqual(
          broken.map(({ what }) => what),
          ['IPv4 filter rules', 'IPv6 filter rules'],
        )
        assert.equal(await sh('ip route show dev calid'), '')
        assert.equal(host.states.get('test default/d eth0'), undefined)
        await expectPass(...bothVersions({ from: a, to: b }))
        process.env['PATH'] = path
        await expectPass(...bothVersions({ from: d, to: c }))
        await waitFor('the state of d', () => host.states.get('test default/d eth0') === 'up')
        assert.deepEqual(host.dataplane.health().failures, [])
      } finally {
        process.env['PATH'] = path
        rmSync(dir, { recursive: true })
      }
    })

    test('an address that moves to another workload is reachable there, and only there', async () => {
      host.send({ kind: 'workload.remove', id: a.endpoint.id })
      await sh(`ip -n c addr add ${a.ip[4]}/32 dev eth0`)
      host.send(update(c, { nets: [...c.endpoint.nets, ...a.endpoint.nets.slice(0, 1)], profiles: ['open'] }))
      await waitFor('the route to move', async () => (await sh(`ip route show ${a.ip[4]}`)).includes('dev calic'))
      await waitFor('the new owner to be heard', async () => (await c.peer.ping(b.ip[4], { source: a.ip[4] })) === 1)
    })
  })
}
