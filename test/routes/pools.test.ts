// Pools without encapsulation, addresses of another node's block, and what is wrong with pools and tunnel addresses: it is told
// in one sentence, and nothing else notices.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { expectReachable, type Host, type Lab, type Workload } from '@calico-node/lab'
import { addOpenWorkload, withLab } from '../with-lab.ts'
import {
  addDualWorkload,
  allPairs,
  apply,
  expectFullMesh,
  expectWire,
  lossDuring,
  routesOf,
  VERSIONS,
} from './network.ts'

const RESOURCES = '/calico/resources/v3/projectcalico.org'
const times = (host: Host, pattern: RegExp): number =>
  host
    .serviceLog('felix')
    .split('\n')
    .filter((line) => pattern.test(line)).length
const attention = (host: Host, pattern: RegExp): Promise<boolean> =>
  waitFor(
    `felix on ${host.name} to tell of ${pattern}`,
    () => times(host, new RegExp(`Needs attention.*${pattern.source}`)) > 0,
    {
      deadlineMs: 30_000,
    },
  )

test('pools without encapsulation: BIRD or Felix writes their routes, and both or neither is told', async (t) => {
  await withLab({ hosts: ['host1', 'host2'] }, async (lab, [host1, host2]) => {
    assert.ok(host1 !== undefined && host2 !== undefined)
    const [a, b] = await Promise.all([addDualWorkload(host1, 'a'), addDualWorkload(host2, 'b')])
    await expectFullMesh(lab, [a, b])
    const writers = async (): Promise<string> => {
      const routes = (await Promise.all([routesOf(host1, 4), routesOf(host1, 6)])).flat()
      const ways = routes.filter((line) => / via \S+ dev eth0 proto (bird|80)/.test(line))
      return ['80', 'bird']
        .filter((proto) => ways.some((line) => line.includes(`proto ${proto} `) || line.endsWith(`proto ${proto}`)))
        .join()
    }
    const setFelix = (programClusterRoutes: string): Promise<string> =>
      host1.calicoctl(
        'patch',
        'felixconfiguration',
        'default',
        '-p',
        JSON.stringify({ spec: { programClusterRoutes } }),
      )
    const setBird = (programClusterRoutes: string): Promise<string> =>
      apply(host1, {
        apiVersion: 'projectcalico.org/v3',
        kind: 'BGPConfiguration',
        metadata: { name: 'default' },
        spec: { programClusterRoutes },
      })
    const steps: readonly (readonly [
      what: string,
      change: () => Promise<unknown>,
      writers: string,
      told: RegExp | undefined,
    ])[] = [
      ['both on', () => setFelix('Enabled'), '80,bird', /written twice/],
      ['Felix alone', () => setBird('Disabled'), '80', undefined],
      ['BIRD alone again', async () => (await setBird('Enabled'), setFelix('Disabled')), 'bird', undefined],
    ]
    assert.equal(await writers(), 'bird')
    for (const [what, change, wanted, told] of steps) {
      await t.test(`${what}: routes by ${wanted}, nothing lost`, async () => {
        const { sent, lost } = await lossDuring(allPairs([a, b]), async () => {
          await change()
          await waitFor(`routes by ${wanted}`, async () => (await writers()) === wanted, { deadlineMs: 60_000 })
        })
        t.diagnostic(`${what}: ${lost} of ${sent} packets lost`)
        if (told !== undefined) await attention(host1, told)
        for (const version of VERSIONS) await expectWire('plain', { from: a, to: b, version })
        assert.equal(lost, 0)
      })
    }
    await t.test('neither: told', async () => {
      await setBird('Disabled')
      await attention(host1, /nobody writes/)
    })
  })
})

const BORROW = {
  CALICO_IPV4POOL_CIDR: '10.77.0.0/29',
  CALICO_IPV4POOL_BLOCK_SIZE: '30',
  CALICO_IPV4POOL_VXLAN: 'Always',
}

test("addresses of another node's block, and bad pools and tunnel addresses", async (t) => {
  await withLab(
    { hosts: ['host1', 'host2'], env: { ...BORROW, FELIX_VXLANMTU: '100' } },
    async (lab, [host1, host2]) => {
      assert.ok(host1 !== undefined && host2 !== undefined)
      const b = await addOpenWorkload(host2, 'b')
      const mine: Workload[] = []
      for (const name of ['a1', 'a2', 'a3', 'a4']) mine.push(await addOpenWorkload(host1, name))
      const [a, , , borrower] = mine
      assert.ok(a !== undefined && borrower !== undefined)

      await t.test('a workload with a borrowed address is reached from everywhere', async () => {
        const address = await borrower.address()
        await expectReachable(allPairs([...mine, b], [4]), 30_000)
        const routes = await routesOf(host2)
        assert.ok(
          routes.some((line) => line.startsWith(`${address} via`) && line.includes('vxlan.calico')),
          routes.join('\n'),
        )
        await expectWire('vxlan', { from: b, to: borrower })
      })

      await t.test('natOutgoing: a network that knows no workload answers', async () => {
        const { code, stdout } = await a.exec(['ping', '-n', '-c', '3', '-i', '0.1', '-W', '1', '172.30.0.1'])
        assert.equal(code, 0, stdout)
      })

      await t.test('an MTU below the minimum', async () => {
        await attention(host1, /VxlanMTU=100 is below the minimum/)
        assert.match(await host1.machine.sh('ip link show vxlan.calico'), /mtu 1450/)
      })

      const own = await vxlanAddress(lab, 'host1')
      const rows: readonly (readonly [what: string, key: string, value: object, told: RegExp])[] = [
        ['overlapping pools', 'ippools/inner', pool('inner', '10.77.0.0/30', { vxlanMode: 'Always' }), /overlap/],
        ['two nodes with one tunnel address', 'nodes/twin', node('twin', '172.30.0.98', own), /is of Nodes .*host1/],
        [
          'a tunnel address outside every pool',
          'nodes/stray',
          node('stray', '172.30.0.99', '192.0.2.7'),
          /192\.0\.2\.7 of Node stray lies in no/,
        ],
      ]
      for (const [what, path, value, told] of rows) {
        await t.test(`${what}: told, mended when it is gone, and nothing lost meanwhile`, async () => {
          const mended = new RegExp(`Mended.*${told.source}`)
          const { lost } = await lossDuring(allPairs([a, borrower, b], [4]), async () => {
            await lab.etcd.ctl('put', `${RESOURCES}/${path}`, JSON.stringify(value))
            await attention(host1, told)
            await sleep(500)
            await lab.etcd.ctl('del', `${RESOURCES}/${path}`)
            await waitFor('it to be mended', () => times(host1, mended) > 0)
          })
          assert.equal(lost, 0)
        })
      }

      await t.test('a pool that is changed to the other IP version: its routes go, nothing else; told', async () => {
        const second = (cidr: string): Promise<unknown> =>
          lab.etcd.ctl(
            'put',
            `${RESOURCES}/ippools/second`,
            JSON.stringify(pool('second', cidr, { vxlanMode: 'Always', blockSize: cidr.includes(':') ? 122 : 26 })),
          )
        await second('10.78.0.0/24')
        await host1.addWorkload('s')
        await host1.calicoctl('container', 'add', 's', '10.78.0.9')
        const { lost } = await lossDuring(allPairs([a, borrower, b], [4]), async () => {
          await second('fd00:78::/64')
          await attention(host1, /addresses in no IP pool.*10\.78\.0\.9/)
          await sleep(2000)
        })
        assert.equal(lost, 0)
        await expectReachable(allPairs([...mine, b], [4]), 30_000)
      })
    },
  )
})

const pool = (name: string, cidr: string, spec: object): object => ({
  kind: 'IPPool',
  apiVersion: 'projectcalico.org/v3',
  metadata: { name, uid: name },
  spec: { cidr, ipipMode: 'Never', blockSize: 30, nodeSelector: 'all()', ...spec },
})
const node = (name: string, ip: string, ipv4VXLANTunnelAddr: string): object => ({
  kind: 'Node',
  apiVersion: 'projectcalico.org/v3',
  metadata: { name, uid: name },
  spec: { bgp: { ipv4Address: `${ip}/24` }, ipv4VXLANTunnelAddr },
})

async function vxlanAddress(lab: Lab, name: string): Promise<string> {
  const stored = await lab.etcd.json<{ spec: { ipv4VXLANTunnelAddr?: string } }>(`${RESOURCES}/nodes/${name}`)
  return stored?.spec.ipv4VXLANTunnelAddr ?? assert.fail(`${name} has no tunnel address`)
}
