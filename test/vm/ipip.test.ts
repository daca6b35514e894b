// IP-in-IP on a kernel that has it, every change of a pool's mode, and a clock that jumps: runs inside scripts/in-vm.sh.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { lossDuring } from './stream.ts'
import {
  DEADLINE_MS,
  type HostName,
  HOSTS,
  keepTunnels,
  type Mode,
  on,
  putNode,
  putPool,
  putProfile,
  sh,
  startHosts,
} from './three-hosts.ts'

const pingOf = (host: HostName): string => `ping -n -c 1 -W 2 ${HOSTS[host].address}`
const reaches = (host: HostName): Promise<boolean> =>
  waitFor(`a to reach the workload of ${host}`, async () => (await sh(`ip netns exec a ${pingOf(host)}`), true), {
    deadlineMs: DEADLINE_MS,
  })

/** What host1 sends to another host while a pings the workload there. */
async function wire(to: HostName): Promise<'ipip' | 'plain'> {
  const filter = `(dst host ${HOSTS[to].ip} and ip proto 4) or (dst host ${HOSTS[to].address} and icmp)`
  const text = await on(
    'host1',
    `timeout 60 tcpdump -n -c 3 -i eth0 '${filter}' 2>/dev/null & t=$!; for i in $(seq 60); do
       kill -0 $t 2>/dev/null || break; ip netns exec a ${pingOf(to)} >/dev/null || true; done; wait $t || true`,
  )
  const lines = text.split('\n').filter((line) => line.includes('ICMP echo request'))
  const isOuter = lines.map((line) => line.includes(`${HOSTS.host1.ip} > ${HOSTS[to].ip}`))
  assert.equal(new Set(isOuter).size, 1, text)
  return isOuter[0] === true ? 'ipip' : 'plain'
}
const becomes = (to: HostName, wanted: 'ipip' | 'plain'): Promise<boolean> =>
  waitFor(`packets to ${to} to be ${wanted}`, async () => (await wire(to)) === wanted, { deadlineMs: DEADLINE_MS })

/** Which device packets leave two hosts by, on their way to each other's workload. */
async function devices(one: HostName, other: HostName): Promise<string> {
  const routes = await sh(
    `ip -n ${one} route get ${HOSTS[other].address}; ip -n ${other} route get ${HOSTS[one].address}`,
  )
  return [...routes.matchAll(/ dev (\S+)/g)].map(([, device]) => device).join()
}

/** Modes of a pool, and by which device packets go to the same subnet and to the other. */
const MODES = {
  plain: ['Never', 'Never', 'eth0', undefined],
  'ipip across': ['CrossSubnet', 'Never', 'eth0', 'tunl0'],
  'ipip always': ['Always', 'Never', 'tunl0', 'tunl0'],
  'vxlan across': ['Never', 'CrossSubnet', 'eth0', 'vxlan.calico'],
  'vxlan always': ['Never', 'Always', 'vxlan.calico', 'vxlan.calico'],
} as const satisfies Record<string, readonly [ipip: Mode, vxlan: Mode, near: string, far: string | undefined]>
type ModeName = keyof typeof MODES

async function enter(name: ModeName): Promise<void> {
  const [ipip, vxlan, near, far] = MODES[name]
  await putPool(ipip, vxlan)
  const stands = async (): Promise<boolean> =>
    (await devices('host1', 'host2')) === `${near},${near}` &&
    (far === undefined || (await devices('host1', 'host3')) === `${far},${far}`)
  await waitFor(name, stands, { deadlineMs: DEADLINE_MS, pollMs: 500 }) // a look costs much here
}

/** What the tests of VXLAN elsewhere lack; EVERY_CHANGE=1: each of the twenty changes, which takes minutes here. */
const SOME: readonly ModeName[] = ['ipip across', 'vxlan always', 'ipip always']
const EVERY: readonly ModeName[] = [
  ...(['plain', 'ipip across', 'ipip always', 'vxlan across', 'vxlan always', 'vxlan across', 'ipip always'] as const),
  ...(['vxlan always', 'ipip always', 'ipip across', 'vxlan across', 'ipip across', 'vxlan always'] as const),
  ...(['ipip across', 'plain', 'ipip always', 'plain', 'vxlan across', 'plain', 'vxlan always', 'plain'] as const),
  'ipip always',
]

test('IP-in-IP between hosts on two subnets', async (t) => {
  await startHosts()

  await t.test('Always: workloads reach each other, through the tunnel', async () => {
    await Promise.all([reaches('host2'), reaches('host3')])
    assert.equal(await wire('host2'), 'ipip')
    const { block, ipipAddress } = HOSTS.host1
    assert.match(await on('host1', 'ip -o link show tunl0'), /<[^>]*UP[^>]*> mtu 1480/)
    assert.match(await on('host1', 'ip -o addr show tunl0'), new RegExp(`inet ${ipipAddress}/32`))
    const routes = await on('host1', 'ip route')
    for (const other of [HOSTS.host2, HOSTS.host3])
      assert.match(routes, new RegExp(`${other.block} via ${other.ip} dev tunl0 proto 80 .*onlink`))
    assert.match(routes, new RegExp(`blackhole ${block} proto 80`))
  })

  await t.test('a host reaches workloads of the others from its tunnel address', async () => {
    const text = await on('host1', `ip route get ${HOSTS.host2.address}`)
    assert.match(text, new RegExp(`src ${HOSTS.host1.ipipAddress}`))
    for (const host of ['host2', 'host3'] as const) await on('host1', pingOf(host))
  })

  await t.test('tunnelled packets of a host that is no node are dropped', async () => {
    const dropped = async (): Promise<number> =>
      Number(/^ *(\d+) .*DROP +(?:4|ipencap) /m.exec(await on('host1', 'iptables-legacy -nvxL cali-tunnel-in'))?.[1])
    const before = await dropped()
    await sh(`ip link add rogue up type ipip local 10.1.0.1 remote ${HOSTS.host1.ip}
      ip route add ${HOSTS.host1.address} dev rogue; ping -c 2 -W 1 ${HOSTS.host1.address} || true; ip link delete rogue`)
    assert.equal(await dropped(), before + 2)
  })

  await t.test(
    'CrossSubnet: only to the other subnet through the tunnel; nothing is lost on the way there',
    async () => {
      const lost = await lossDuring(['host2', 'host3'], async () => {
        await putPool('CrossSubnet')
        await becomes('host2', 'plain')
        assert.equal(await wire('host3'), 'ipip')
      })
      assert.deepEqual(lost, { host2: 0, host3: 0 })
    },
  )

  await t.test('a host whose subnet gets smaller: through the tunnel to its old neighbours, nothing lost', async () => {
    const lost = await lossDuring(['host2', 'host3'], async () => {
      await putNode('host1', 32)
      await becomes('host2', 'ipip')
    })
    assert.deepEqual(lost, { host2: 0, host3: 0 })
    await putNode('host1')
  })

  await t.test('changes of mode while packets flow: nothing is lost', async (t) => {
    const [first, ...others] = process.env['EVERY_CHANGE'] === undefined ? SOME : EVERY
    assert.ok(first !== undefined)
    await keepTunnels() // how long hosts take to build one is another matter
    await enter(first)
    let before = first
    for (const name of others) {
      // without encapsulation there is no way to the other subnet, unless routers know one
      const to: HostName[] = before === 'plain' || name === 'plain' ? ['host2'] : ['host2', 'host3']
      const lost = await lossDuring(to, () => enter(name))
      t.diagnostic(`${before} -> ${name}: lost ${JSON.stringify(lost)}`)
      assert.deepEqual(new Set(Object.values(lost)), new Set([0]))
      before = name
    }
  })

  await t.test('a clock that jumps by a year, and back by two: nothing is lost, changes are followed', async () => {
    await Promise.all([reaches('host2'), reaches('host3')])
    const jump = async (offset: string): Promise<void> => {
      const lost = await lossDuring(['host2', 'host3'], async () => (await sh(`date -s '${offset}'`), sleep(2000)))
      assert.deepEqual(lost, { host2: 0, host3: 0 })
      await putProfile('Deny')
      const isDenied = async (): Promise<boolean> =>
        sh(`ip netns exec a ${pingOf('host2')}`).then(
          () => false,
          () => true,
        )
      await waitFor('the change to be in force', isDenied, { deadlineMs: DEADLINE_MS })
      await putProfile('Allow')
      await reaches('host2')
    }
    await jump('+1 year')
    await jump('-2 years')
  })
})
