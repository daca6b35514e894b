// podman as the CNI client: containers on two hosts, policy by label, many at a time, and nothing left afterwards. With a
// hundred containers it takes minutes: make test-system FILES=cni/podman CONTAINERS=100
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import type { Host } from '@calico-node/lab'
import { requireOwnNamespace } from '@calico-node/testkit'
import { withLab } from '../with-lab.ts'
import { Podman } from './podman.ts'

requireOwnNamespace()

const CONTAINERS = Number(process.env['CONTAINERS'] ?? 16)
const AT_ONCE = 8

const plugin = (host: Host): object => ({
  etcd_endpoints: host.machine.env['ETCD_ENDPOINTS'],
  policy_setup_timeout_seconds: 20,
  ipam: { type: 'calico-ipam' },
})

test('podman: two hosts, policy by label, many at a time, nothing left', () =>
  withLab({}, async (lab, [host1, host2]) => {
    assert.ok(host1 && host2)
    const podmans = await Promise.all(
      [host1, host2].map(async (host) => {
        const podman = new Podman(host, join(host.machine.dir, 'podman'))
        await podman.start()
        podman.addNetwork('blue', plugin(host))
        podman.addNetwork('green', { ...plugin(host), args: { labels: [{ key: 'role', value: 'closed' }] } })
        return podman
      }),
    )
    const [one, two] = podmans
    assert.ok(one && two)
    const reaches = async (what: string, address: string, wanted: boolean): Promise<unknown> =>
      waitFor(what, async () => (await one.pings('a', address)) === wanted, { deadlineMs: 20_000 })

    await Promise.all([one.run('a', '--network', 'blue'), two.run('b', '--network', 'blue')])
    await two.run('c', '--network', 'green')
    const [b, c] = [await two.addressOf('b', 'blue'), await two.addressOf('c', 'green')]
    await reaches('a to reach b, which is on its network', b, true)
    await reaches('a not to reach c, which is on another', c, false)

    await lab.hosts.get('host1')?.machine.must(['calicoctl', 'apply', '-f', '-'], { input: OPEN_THE_CLOSED })
    await reaches('a to reach c once a policy by label lets it', c, true)

    await many(CONTAINERS, (n) => podmans[n % 2]?.run(`m${n}`, '--network', 'blue'))
    const keys = await lab.etcd.keys('/calico/resources/v3/projectcalico.org/workloadendpoints/')
    assert.equal(keys.length, CONTAINERS + 3)
    await many(CONTAINERS, (n) => podmans[n % 2]?.must('rm', '-f', '-t', '0', `m${n}`))
    await one.must('rm', '-f', '-t', '0', 'a')
    await two.must('rm', '-f', '-t', '0', 'b', 'c')

    assert.deepEqual(await lab.etcd.keys('/calico/resources/v3/projectcalico.org/workloadendpoints/'), [])
    assert.deepEqual(await lab.etcd.keys('/calico/ipam/v2/handle/'), [])
    const links = await host1.machine.sh('ip -br link | grep -c ^cali || true')
    assert.equal(links.trim(), '0')
    assert.match(await host1.calicoctl('ipam', 'check'), /found 0 problems/)
  }))

const OPEN_THE_CLOSED = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: { name: open-the-closed }
spec:
  selector: role == 'closed'
  ingress: [{ action: Allow, source: { selector: has(blue) } }]
  egress: [{ action: Allow }]
`

/** Does it for 0 to count - 1, several at a time. */
async function many(count: number, work: (n: number) => Promise<unknown> | undefined): Promise<void> {
  const rest = Array.from({ length: count }, (_, n) => n)
  const worker = async (): Promise<void> => {
    for (let n = rest.shift(); n !== undefined; n = rest.shift()) await work(n)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
