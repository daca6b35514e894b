// The container as an operator starts it: the least set of rights, and nothing of the host written but what is mounted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { expectReachable } from '@calico-node/lab'
import { addOpenWorkload } from '../with-lab.ts'
import { withContainerHosts } from './with-docker.ts'

test('two hosts with the least rights become one network', async () => {
  await withContainerHosts(['host1', 'host2'], async ([one, two]) => {
    assert.ok(one !== undefined && two !== undefined)
    await Promise.all([one.run(), two.run()])
    for (const { host } of [one, two]) {
      await waitFor(
        `a BGP session on ${host.name}`,
        async () =>
          /node-to-node mesh \| up .* Established/.test(
            (await host.machine.exec(['calicoctl', 'node', 'status'])).stdout,
          ),
        { deadlineMs: 30_000 },
      )
    }
    for (const node of [one, two]) {
      await node.becomesHealthy()
      const said = await node.inside(
        '/bin/calico-node',
        '-felix-ready',
        '-bird-ready',
        '-felix-live',
        '-bird-live',
        '-bird6-live',
      )
      assert.match(said, /^bird-ready: ok, 1 of 1 sessions established$/m)
    }
    await waitFor('Docker to know', async () => (await one.inspect('{{.State.Health.Status}}')) === 'healthy', {
      deadlineMs: 40_000,
      pollMs: 500,
    })
    const a = await addOpenWorkload(one.host, 'a')
    const b = await addOpenWorkload(two.host, 'b')
    await expectReachable(
      [
        { from: a, to: b },
        { from: b, to: a },
      ],
      30_000,
    )
  })
})
