// A workload that is a router: it peers with its own node, and what is behind it can be reached from other hosts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { addOpenWorkload, addWorkload, withLab } from '../with-lab.ts'
import { apply, expectSessions, gatewayOf } from './sessions.ts'

const BEHIND = '10.200.0.0/24'
const INSIDE = '10.200.0.1'
const AS = 65_100

const configuration = (own: string, node: string): string => `
router id ${own};
protocol device { }
protocol kernel { export none; }
protocol static { route ${BEHIND} blackhole; }
protocol bgp node {
  local as ${AS}; neighbor ${node} as 64512; multihop; source address ${own};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  import all; export where source = RTS_STATIC;
}
`

test('a workload that a BGPPeer chooses is a peer of its node, and of no other', async () => {
  await withLab({ hosts: ['host1', 'host2'] }, async (_lab, [host1, host2]) => {
    assert.ok(host1 && host2)
    const router = await addWorkload(host1, 'router')
    const other = await addOpenWorkload(host2, 'other')
    const allow = [{ action: 'Allow' }]
    await apply(host1, 'Profile', 'router', { ingress: allow, egress: allow, labelsToApply: { role: 'router' } })
    await host1.calicoctl('container', 'router', 'profile', 'set', 'router')
    await apply(host1, 'IPPool', 'behind', { cidr: BEHIND, disabled: true })
    const spec = { nodeSelector: 'all()', localWorkloadSelector: "role == 'router'", asNumber: AS }
    await apply(host1, 'BGPPeer', 'routers', spec)

    const own = await router.address()
    const session = `Local_Workload_${own.replaceAll('.', '_')}`
    const rendered = (host: typeof host1): Promise<string> => host.machine.sh('cat /etc/calico/confd/config/bird.cfg')
    await waitFor('the session in the configuration', async () => (await rendered(host1)).includes(session))
    assert.ok(!(await rendered(host2)).includes('protocol bgp Local_Workload_'))

    await router.exec(['ip', 'address', 'add', `${INSIDE}/32`, 'dev', 'lo'])
    await host1.machine.sh('mkdir -p /etc/router; cat >/etc/router/bird.cfg', {
      input: configuration(own, host1.addresses.ipv4),
    })
    const bird = ['ip', 'netns', 'exec', 'router', 'bird', '-f', '-c', '/etc/router/bird.cfg', '-s', '/etc/router/ctl']
    host1.machine.spawn(bird, 'router.log')
    await waitFor('the route on its host', async () => (await gatewayOf(host1, INSIDE)) === own, { deadlineMs: 30_000 })
    await waitFor('the route on the other', async () => (await gatewayOf(host2, INSIDE)) === host1.addresses.ipv4)
    await waitFor('an answer from behind', () => other.pings(INSIDE))
    await expectSessions(host1, [host2]) // it is not among the peers that calicoctl shows, and keeps none of them down

    await host1.calicoctl('container', 'remove', 'router')
    await waitFor('the session to go', async () => !(await rendered(host1)).includes(session))
    await waitFor('the route to go', async () => (await gatewayOf(host2, INSIDE)) !== host1.addresses.ipv4)
  })
})
