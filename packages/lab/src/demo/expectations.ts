/**
 * What must be observable after each section of docs/lifecycle.md. Each expectation looks at the real thing (processes,
 * kernel, BIRD, etcd, packets) until it holds or its deadline passes, and says what it saw.
 */
import assert from 'node:assert/strict'
import { waitFor } from '@calico-node/core'
import type { Host } from '../host.ts'
import type { Lab } from '../lab.ts'
import { expectBlocked, expectReachable } from '../connectivity.ts'
import type { Workload } from '../workload.ts'
import * as look from './observations.ts'

export interface Expectation {
  readonly expected: string
  /** Returns what was observed. @throws when the expectation does not hold */
  readonly observe: (lab: Lab, notes: Map<string, string>) => Promise<string>
}

const RESOURCES = '/calico/resources/v3/projectcalico.org'
const hosts = (lab: Lab): Host[] => [...lab.hosts.values()]
const a = (lab: Lab): Workload => lab.host('host1').workload('workload_A')
const b = (lab: Lab): Workload => lab.host('host2').workload('workload_B')
const c = (lab: Lab): Workload => lab.host('host2').workload('workload_C')

const PROCESSES = ['calico-felix', 'confd', 'bird', 'bird6']

const started: Expectation[] = [
  {
    expected: 'one each of felix, confd, bird and bird6 on each host',
    observe: async (lab) => {
      for (const host of hosts(lab))
        await waitFor(`processes on ${host.name}`, async () => look.oneOfEach(host, PROCESSES))
      return hosts(lab)
        .map((host) => `${host.name}: ${PROCESSES.join(', ')}`)
        .join('; ')
    },
  },
  {
    expected: "each Node resource has its host's addresses",
    observe: async (lab) => {
      const seen: string[] = []
      for (const { name, addresses } of hosts(lab)) {
        const { ipv4Address, ipv6Address } = await look.nodeBgp(lab, name)
        assert.equal(ipv4Address, `${addresses.ipv4}/24`)
        assert.equal(ipv6Address, `${addresses.ipv6}/64`)
        seen.push(`${name} ${ipv4Address} ${ipv6Address}`)
      }
      return seen.join('; ')
    },
  },
  {
    expected: 'the two default pools, the mesh configuration, tiers and cluster information are in etcd',
    observe: async (lab) => {
      const pools = await look.poolCidrs(lab)
      assert.deepEqual(pools.toSorted(), ['192.168.0.0/16', 'fd80:24e2:f998:72d6::/64'])
      for (const key of [
        'bgpconfigurations/default',
        'clusterinformations/default',
        'tiers/default',
        'felixconfigurations/default',
      ]) {
        assert.notEqual(await lab.etcd.json(`${RESOURCES}/${key}`), undefined, `${key} is missing`)
      }
      return `pools ${pools.join(' and ')}`
    },
  },
  {
    expected: 'BGP sessions Established between the hosts, IPv4 and IPv6',
    observe: async (lab) => {
      const seen: string[] = []
      for (const host of hosts(lab)) {
        for (const version of [4, 6] as const) {
          seen.push(
            await waitFor(`IPv${version} BGP on ${host.name}`, async () => look.establishedPeer(host, version), {
              deadlineMs: 30_000,
            }),
          )
        }
      }
      return seen.join('; ')
    },
  },
]

const created: Expectation[] = [
  {
    expected: 'the containers have nothing but loopback',
    observe: async (lab) => {
      for (const workload of [a(lab), b(lab)]) assert.deepEqual(await look.interfaces(workload), ['lo'])
      return 'workload_A: lo; workload_B: lo'
    },
  },
]

const added: Expectation[] = [
  {
    expected: 'each container has an address of the pool and a default route via its host',
    observe: async (lab) => {
      const seen: string[] = []
      for (const workload of [a(lab), b(lab)]) {
        const address = await workload.address()
        assert.match(address, /^192\.168\./)
        assert.equal(await look.gateway(workload), workload.host.addresses.ipv4)
        seen.push(`${workload.name} ${address} via ${workload.host.addresses.ipv4}`)
      }
      return seen.join('; ')
    },
  },
  {
    expected: 'the host has a route to its container; the other host has learned it by BGP',
    observe: async (lab) => {
      const seen: string[] = []
      for (const [workload, other] of [
        [a(lab), lab.host('host2')],
        [b(lab), lab.host('host1')],
      ] as const) {
        const address = await workload.address()
        const local = await waitFor(`route to ${address} on ${workload.host.name}`, async () =>
          look.deviceRoute(workload.host, address),
        )
        const remote = await waitFor(
          `route to ${address} on ${other.name}`,
          async () => look.bgpRoute(other, address, workload.host.addresses.ipv4),
          { deadlineMs: 20_000 },
        )
        seen.push(`${workload.host.name}: ${local}; ${other.name}: ${remote}`)
      }
      return seen.join('; ')
    },
  },
  {
    expected: 'forwarding and proxy ARP are on for the host end of the veth',
    observe: async (lab) => {
      const seen: string[] = []
      for (const workload of [a(lab), b(lab)]) {
        const dev = await look.hostInterface(workload)
        for (const name of ['forwarding', 'proxy_arp']) {
          await waitFor(
            `${name} of ${dev}`,
            async () => (await look.sysctl(workload.host, `net/ipv4/conf/${dev}/${name}`)) === '1',
          )
        }
        seen.push(`${dev} on ${workload.host.name}: forwarding=1 proxy_arp=1`)
      }
      return seen.join('; ')
    },
  },
  {
    expected: 'a host reaches its own container; to the container its gateway is the MAC of the host end',
    observe: async (lab) => {
      const seen: string[] = []
      for (const workload of [a(lab), b(lab)]) {
        const address = await workload.address()
        await waitFor(`ping ${workload.name} from its host`, async () => look.hostPings(workload.host, address))
        const [neighbour, mac] = [await look.gatewayMac(workload), await look.hostMac(workload)]
        assert.equal(neighbour, mac)
        seen.push(`${workload.name} has ${workload.host.addresses.ipv4} at ${neighbour}`)
      }
      return seen.join('; ')
    },
  },
  {
    expected: 'everything else is dropped: between the containers, and from the other host',
    observe: async (lab) => {
      await expectBlocked([
        { from: a(lab), to: b(lab) },
        { from: b(lab), to: a(lab) },
      ])
      assert.equal(await look.hostPings(lab.host('host2'), await a(lab).address()), false, 'host2 reaches workload_A')
      assert.equal(await look.hostPings(lab.host('host1'), await b(lab).address()), false, 'host1 reaches workload_B')
      return 'all pings lost'
    },
  },
]

const profileAdded: Expectation[] = [
  {
    expected: 'the profile is in etcd and adds no rule on either host',
    observe: async (lab, notes) => {
      const profiles = await lab.etcd.keys(`${RESOURCES}/profiles/`)
      assert.equal(profiles.length, 1, `profiles: ${profiles.join(', ')}`)
      const counts: string[] = []
      for (const host of hosts(lab)) {
        const count = await look.ruleCount(host)
        assert.equal(String(count), notes.get(`rules ${host.name}`), `the rules of ${host.name} changed`)
        counts.push(`${host.name} ${count} rules as before`)
      }
      return `${profiles[0]?.split('/').at(-1)}; ${counts.join('; ')}`
    },
  },
]

const profileSet: Expectation[] = [
  {
    expected: 'workload_A and workload_B reach each other, both ways',
    observe: async (lab) => {
      await expectReachable([
        { from: a(lab), to: b(lab) },
        { from: b(lab), to: a(lab) },
      ])
      return `pings pass: ${await a(lab).address()} <-> ${await b(lab).address()}`
    },
  },
  {
    expected: 'workload_C, without the profile, reaches nobody and is reached by nobody',
    observe: async (lab) => {
      await expectBlocked([
        { from: c(lab), to: a(lab) },
        { from: c(lab), to: b(lab) },
        { from: a(lab), to: c(lab) },
        { from: b(lab), to: c(lab) },
      ])
      return `all pings of ${await c(lab).address()} lost`
    },
  },
]

const profileRemoved: Expectation[] = [
  {
    expected: 'workload_A and workload_B no longer reach each other',
    observe: async (lab) => {
      await expectBlocked([
        { from: a(lab), to: b(lab) },
        { from: b(lab), to: a(lab) },
      ])
      return 'all pings lost'
    },
  },
]

const removed: Expectation[] = [
  {
    expected: 'no endpoint, no assigned address, no profile in etcd',
    observe: async (lab) => {
      await waitFor(
        'the endpoints to go',
        async () => (await lab.etcd.keys(`${RESOURCES}/workloadendpoints/`)).length === 0,
      )
      assert.deepEqual(await lab.etcd.keys(`${RESOURCES}/profiles/`), [])
      assert.deepEqual(await lab.etcd.keys('/calico/ipam/v2/handle/'), [])
      assert.equal(await look.assignedAddresses(lab), 0)
      return '0 endpoints, 0 profiles, 0 addresses in use'
    },
  },
  {
    expected: 'no interface, route, rule or address set of a container on either host',
    observe: async (lab) => {
      for (const host of hosts(lab)) {
        await waitFor(`leftovers on ${host.name} to go`, async () => {
          const left = await look.leftovers(host)
          if (left.length > 0) throw new Error(left.join('; '))
          return true
        })
      }
      return 'host1: none; host2: none'
    },
  },
]

/** By section number of docs/lifecycle.md. */
export const EXPECTATIONS: ReadonlyMap<number, readonly Expectation[]> = new Map([
  [1, started],
  [2, created],
  [3, added],
  [4, profileAdded],
  [5, profileSet],
  [6, profileRemoved],
  [7, removed],
])
