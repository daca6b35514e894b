/** Whose address packets have when they leave, and where those for a floating or a service address go: seen from outside. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { makeResource, parseCidr, parseIp } from '@calico-node/model'
import { requireOwnNamespace } from '@calico-node/testkit'
import type { CalcMessage } from '../calc/messages.ts'
import {
  bothVersions,
  expectPass,
  HostScene,
  openProfile,
  sh,
  UPLINK,
  update,
  VARIANTS,
  type Version,
  VERSIONS,
  type Workload,
} from './host-scene.test.ts'

requireOwnNamespace()

const POOLS = { 4: '10.65.0.0/16', 6: 'fd00:65::/64' } as const
const OUTER_POOLS = { 4: '172.16.0.0/24', 6: 'fd00:16::/64' } as const
const SNAT_ADDRESS = '172.16.0.99'
/** A new interface may have no link-local address yet, and IPv6 answers take that way. */
const PATIENT = { timeoutMs: 5_000 }
const PORTS = { first: 40_000, last: 40_100 }

const pool = (cidr: string, natOutgoing: boolean): CalcMessage => {
  const { spec } = makeResource('IPPool', { name: 'p' }, { cidr, natOutgoing })
  return { kind: 'pool.update', cidr: parseCidr(cidr), pool: spec }
}

for (const variant of VARIANTS) {
  describe(`NAT, iptables-${variant}`, () => {
    let host: HostScene
    let a: Workload
    let b: Workload

    /** Waits until what `from` sends to the outside arrives there with this source address. */
    const expectSource = (from: Workload, version: Version, source: string): Promise<boolean> =>
      waitFor(`packets of ${from.peer.name} to come from ${source}`, async () => {
        const before = await host.outside.peer.received(source)
        await from.peer.udp(host.outside.ip[version], 80)
        return (await host.outside.peer.received(source)) > before
      })
    const setPools = (natOutgoing: boolean): void =>
      host.send(...VERSIONS.map((version) => pool(POOLS[version], natOutgoing)))

    const start = async (env: Readonly<Record<string, string>>): Promise<void> => {
      host = await HostScene.create(variant, env)
      a = await host.addWorkload('a', 1)
      b = await host.addWorkload('b', 2)
      await host.start()
      host.send(openProfile(), update(a, { profiles: ['open'] }), update(b, { profiles: ['open'] }))
      setPools(false)
      host.send({ kind: 'in-sync' })
      await host.converged()
    }

    describe('of pools', () => {
      before(() => start({}))
      after(() => host.destroy())

      test('natOutgoing masquerades what leaves the pools, once it is on and until it is off', async () => {
        for (const version of VERSIONS) await expectSource(a, version, a.ip[version])
        setPools(true)
        for (const version of VERSIONS) await expectSource(a, version, UPLINK[version])
        setPools(false)
        for (const version of VERSIONS) await expectSource(a, version, a.ip[version])
        setPools(true)
      })

      test('between workloads and towards another pool the source stays', async () => {
        for (const version of VERSIONS) {
          const before = await b.peer.received(a.ip[version])
          assert.ok(await a.peer.udp(b.ip[version], 80, PATIENT))
          assert.equal(await b.peer.received(a.ip[version]), before + 1)
        }
        host.send(...VERSIONS.map((version) => pool(OUTER_POOLS[version], false)))
        for (const version of VERSIONS) await expectSource(a, version, a.ip[version])
        host.send(
          ...VERSIONS.map((version) => ({ kind: 'pool.remove', cidr: parseCidr(OUTER_POOLS[version]) }) as const),
        )
        for (const version of VERSIONS) await expectSource(a, version, UPLINK[version])
      })
    })

    describe('with an address, a range of ports, floating addresses and service networks', () => {
      const FLOATING = '172.16.0.50'
      const SERVICES = '10.96.0.0/16'

      before(async () => {
        await start({
          FELIX_NATOUTGOINGADDRESS: SNAT_ADDRESS,
          FELIX_NATPORTRANGE: `${PORTS.first}:${PORTS.last}`,
          FELIX_FLOATINGIPS: 'Enabled',
        })
        await sh(`ip addr add ${SNAT_ADDRESS}/32 dev uplink`)
        setPools(true)
        for (const net of [FLOATING, SERVICES])
          await host.outside.peer.exec('ip', 'route', 'add', net, 'via', UPLINK[4])
      })
      after(() => host.destroy())

      test('IPv4 leaves with that address, IPv6 with that of the host, both from a port of the range', async () => {
        await expectSource(a, 4, SNAT_ADDRESS)
        await expectSource(a, 6, UPLINK[6])
        for (const family of ['ipv4', 'ipv6']) {
          const flows = await sh(`conntrack -L -f ${family} -p udp --orig-port-dst 80 2>/dev/null`)
          const seen = [...flows.matchAll(/ src=\S+ dst=(\S+) sport=80 dport=(\d+)/g)]
          const ports = seen
            .filter(([, dst]) => dst === SNAT_ADDRESS || dst === UPLINK[6])
            .map(([, , port]) => Number(port))
          assert.ok(ports.length > 0 && ports.every((port) => port >= PORTS.first && port <= PORTS.last), flows)
        }
        assert.match(
          await sh(`iptables-${variant}-save -t nat`),
          /cali-nat-outgoing .*SNAT --to-source \S+ --random-fully/,
        )
      })

      test('a floating address leads to its workload, from outside, from another workload and from itself', async () => {
        const floatingIps = [{ external: parseIp(FLOATING), internal: parseIp(a.ip[4]) }]
        host.send(update(a, { profiles: ['open'], floatingIps }))
        await waitFor('the outside to reach it', async () => host.outside.peer.tcp(FLOATING, 80))
        assert.ok(await b.peer.tcp(FLOATING, 80, PATIENT))
        assert.ok(await a.peer.tcp(FLOATING, 80, PATIENT))
        host.send(update(a, { profiles: ['open'] }))
        await waitFor('it to lead nowhere', async () => !(await host.outside.peer.tcp(FLOATING, 80)))
        await expectPass(...bothVersions({ from: a, to: b }))
      })

      test('packets to a service address that nobody claims do not circle', async () => {
        const { peer } = host.outside
        const received = async (): Promise<number> =>
          Number(/InReceives +(\d+)/.exec(await peer.exec('nstat', '-asz', 'IpInReceives'))?.[1])
        const returned = async (): Promise<number> => {
          const before = await received()
          await peer.exec('sh', '-c', 'ping -c 3 -i 0.05 -W 0.2 10.96.0.1 || true')
          return (await received()) - before
        }
        assert.ok((await returned()) >= 3, 'without the rule they come back')
        host.send({ kind: 'service-networks', cidrs: [parseCidr(SERVICES)] })
        await waitFor('nothing to come back', async () => (await returned()) === 0)
      })
    })
  })
}
