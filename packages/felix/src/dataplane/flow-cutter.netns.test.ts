import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { requireOwnNamespace } from '@calico-node/testkit'
import type { CalcMessage, CalcRule } from '../calc/messages.ts'
import { HostScene, openProfile, sh, update, type Version, VERSIONS, type Workload } from './host-scene.test.ts'
import { calcRule } from '../calc/rule-fixture.test.ts'

requireOwnNamespace()

for (const cut of [true, false]) {
  describe(`established flows that a change denies, ${cut ? 'cut' : 'as by default'}`, () => {
    let host: HostScene
    let a: Workload
    let b: Workload
    let c: Workload
    /** One datagram and its answer, always in the same flow. */
    const talk = (from: Workload, version: Version): Promise<boolean> =>
      from.peer.udp(b.ip[version], 80, { sourcePort: 5000, timeoutMs: 200 })
    const tracked = async (from: Workload, version: Version): Promise<boolean> =>
      (await sh(`conntrack -f ipv${version} -L -p udp --orig-src ${from.ip[version]} 2>/dev/null`)) !== ''
    const policy = (...ingress: CalcRule[]): CalcMessage => ({
      kind: 'policy.update',
      id: 'default/p',
      rules: { ingress, egress: [] },
    })

    before(async () => {
      host = await HostScene.create('nft', { FELIX_CUTDENIEDFLOWS: String(cut) })
      ;[a, b, c] = [await host.addWorkload('a', 1), await host.addWorkload('b', 2), await host.addWorkload('c', 3)]
      await host.start()
      const open = { name: 'default', defaultAction: 'Deny', ingress: ['default/p'], egress: [] } as const
      host.send(
        openProfile(),
        {
          kind: 'ipset.update',
          id: 's:friends',
          type: 'hash:net',
          members: [a, c].flatMap(({ ip }) => [ip[4], ip[6]]),
        },
        policy(calcRule('allow', { from: { sets: ['s:friends'] } })),
        ...[a, c].map((each) => update(each, { profiles: ['open'] })),
        update(b, { tiers: [open] }),
        { kind: 'in-sync' },
      )
      await host.converged()
      for (const version of VERSIONS)
        for (const from of [a, c]) await waitFor('the flow to stand', () => talk(from, version))
    })
    after(() => host.destroy())

    test('a label is lost: exactly those flows end', async () => {
      host.send({ kind: 'ipset.delta', id: 's:friends', added: [], removed: [a.ip[4], a.ip[6]] })
      await waitFor('the change to stand', async () => !(await sh('ipset list cali60s:friends')).includes(a.ip[6]))
      for (const version of VERSIONS) {
        if (cut) await waitFor('the flow to be refused', async () => !(await talk(a, version)))
        else assert.equal(await talk(a, version), true)
        assert.deepEqual([await tracked(a, version), await tracked(c, version)], [!cut, true], `IPv${version}`)
        assert.equal(await talk(c, version), true)
      }
    })

    test('a rule is added', async () => {
      host.send(policy(calcRule('deny', { protocol: 17 }), calcRule('allow')))
      await waitFor('the change to stand', async () =>
        (await sh('ip6tables-nft-save -t filter')).includes('-A cali-pi-default/p -p udp'),
      )
      for (const version of VERSIONS) {
        if (cut) await waitFor('the flow to be refused', async () => !(await talk(c, version)))
        else assert.equal(await talk(c, version), true)
      }
    })
  })
}
