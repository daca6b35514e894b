// IP-in-IP on a kernel that has it, and a clock that jumps: runs inside scripts/in-vm.sh.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { DEADLINE_MS, HOSTS, on, putNode, putPool, putProfile, sh, startHosts } from './two-hosts.ts'

const A_TO_B = `ping -n -c 1 -W 2 ${HOSTS.host2.address}`
const reaches = (): Promise<boolean> =>
  waitFor('a to reach b', async () => (await sh(`ip netns exec a ${A_TO_B}`), true), { deadlineMs: DEADLINE_MS })

/** What host1 sends to host2 while a pings b. */
async function wire(): Promise<'ipip' | 'plain'> {
  const filter = `(dst host ${HOSTS.host2.ip} and ip proto 4) or (dst host ${HOSTS.host2.address} and icmp)`
  const text = await on(
    'host1',
    `timeout 60 tcpdump -n -c 3 -i eth0 '${filter}' 2>/dev/null & t=$!; for i in $(seq 60); do
       kill -0 $t 2>/dev/null || break; ip netns exec a ${A_TO_B} >/dev/null || true; done; wait $t || true`,
  )
  const lines = text.split('\n').filter((line) => line.includes('ICMP echo request'))
  const isOuter = lines.map((line) => line.includes(`${HOSTS.host1.ip} > ${HOSTS.host2.ip}`))
  assert.equal(new Set(isOuter).size, 1, text)
  return isOuter[0] === true ? 'ipip' : 'plain'
}
const becomes = (wanted: 'ipip' | 'plain'): Promise<boolean> =>
  waitFor(`packets to be ${wanted}`, async () => (await wire()) === wanted, { deadlineMs: DEADLINE_MS })

/** Twenty packets a second from a to b while `work` goes on. @returns How many were lost. */
async function lostDuring(work: () => Promise<unknown>): Promise<number> {
  const ping = spawn('ip', ['netns', 'exec', 'a', 'ping', '-n', '-q', '-i', '0.05', '-W', '5', HOSTS.host2.address])
  let said = ''
  ping.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await sleep(500)
  await work()
  await sleep(500)
  const ended = new Promise((done) => ping.on('close', done))
  ping.kill('SIGINT')
  await ended
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(said) ?? []
  assert.ok(Number(sent) > 10, said)
  return Number(sent) - Number(received)
}

test('IP-in-IP between two hosts', async (t) => {
  await startHosts()

  await t.test('Always: workloads reach each other, through the tunnel', async () => {
    await reaches()
    assert.equal(await wire(), 'ipip')
    assert.match(await on('host1', 'ip -o link show tunl0'), /<[^>]*UP[^>]*> mtu 1480/)
    assert.match(await on('host1', 'ip -o addr show tunl0'), new RegExp(`inet ${HOSTS.host1.tunnel}/32`))
    const routes = await on('host1', 'ip route')
    assert.match(routes, new RegExp(`${HOSTS.host2.block} via ${HOSTS.host2.ip} dev tunl0 proto 80 .*onlink`))
    assert.match(routes, new RegExp(`blackhole ${HOSTS.host1.block} proto 80`))
  })

  await t.test('a host reaches workloads of the other from its tunnel address', async () => {
    const text = await on('host1', `ip route get ${HOSTS.host2.address}`)
    assert.match(text, new RegExp(`src ${HOSTS.host1.tunnel}`))
    await on('host1', A_TO_B)
  })

  await t.test('tunnelled packets of a host that is no node are dropped', async () => {
    const dropped = async (): Promise<number> =>
      Number(/^ *(\d+) .*DROP +(?:4|ipencap) /m.exec(await on('host1', 'iptables-legacy -nvxL cali-tunnel-in'))?.[1])
    const before = await dropped()
    await sh(`ip link add rogue up type ipip local 10.1.0.1 remote ${HOSTS.host1.ip}
      ip route add ${HOSTS.host1.address} dev rogue; ping -c 2 -W 1 ${HOSTS.host1.address} || true; ip link delete rogue`)
    assert.equal(await dropped(), before + 2)
  })

  await t.test('CrossSubnet: on one subnet without the tunnel; nothing is lost on the way there', async () => {
    assert.equal(await lostDuring(async () => (await putPool('CrossSubnet'), becomes('plain'))), 0)
  })

  await t.test('CrossSubnet: to another subnet through the tunnel; nothing is lost on the way there', async () => {
    assert.equal(await lostDuring(async () => (await putNode('host1', 32), becomes('ipip'))), 0)
  })

  await t.test('a clock that jumps by a year, and back by two: changes are followed', async () => {
    const jump = async (offset: string): Promise<void> => {
      await sh(`date -s '${offset}'`)
      await putProfile('Deny')
      const isDenied = async (): Promise<boolean> =>
        sh(`ip netns exec a ${A_TO_B}`).then(
          () => false,
          () => true,
        )
      await waitFor('the change to be in force', isDenied, { deadlineMs: DEADLINE_MS })
      await putProfile('Allow')
      await reaches()
    }
    await jump('+1 year')
    await jump('-2 years')
  })
})
