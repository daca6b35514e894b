import { sleep, waitFor } from '@calico-node/core'
import { Capture, expectReachable, type Host, type Lab, type Pair, Traffic, type Workload } from '@calico-node/lab'
import { addWorkload } from '../with-lab.ts'

export const VERSIONS = [4, 6] as const

const OPEN_PROFILE = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'Profile',
  metadata: { name: 'anybody' },
  spec: { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] },
}

/** A container with an address of each IP version, which talks to everybody, hosts included. */
export async function addDualWorkload(host: Host, name: string): Promise<Workload> {
  const workload = await addWorkload(host, name)
  await host.calicoctl('container', name, 'ip', 'add', 'ipv6')
  await apply(host, OPEN_PROFILE)
  await host.calicoctl('container', name, 'profile', 'set', 'anybody')
  return workload
}

/** Creates or replaces a resource. */
export const apply = async (host: Host, resource: object): Promise<string> =>
  host.machine.must(['calicoctl', 'apply', '-f', '-'], { input: JSON.stringify(resource) })

/** Every ordered pair of different workloads. */
export const allPairs = (workloads: readonly Workload[], versions: readonly (4 | 6)[] = VERSIONS): Pair[] =>
  workloads.flatMap((from) =>
    workloads.filter((to) => to !== from).flatMap((to) => versions.map((version) => ({ from, to, version }))),
  )

/** The matrix: every workload reaches every other, and every host reaches every workload. */
export async function expectFullMesh(lab: Lab, workloads: readonly Workload[], versions = VERSIONS): Promise<void> {
  await expectReachable(allPairs(workloads, versions), 30_000)
  for (const host of lab.hosts.values()) {
    for (const workload of workloads) {
      for (const version of versions) {
        const address = await workload.address(version)
        await waitFor(
          `${host.name} to reach ${workload.name} over IPv${version}`,
          async () => (await host.machine.exec(['ping', '-n', '-q', '-c', '1', '-W', '1', address])).code === 0,
          { deadlineMs: 30_000 },
        )
      }
    }
  }
}

/** How packets look on the wire. */
export type Wire = 'vxlan' | 'ipip' | 'plain'

const PROBES = 5

/** What `from`'s host sends on its uplink while `from` pings `to`. @throws when it is neither one thing nor the other */
export async function wireBetween({ from, to, version = 4 }: Pair): Promise<Wire> {
  const address = await to.address(version)
  const { machine } = from.host
  const peer = version === 4 ? to.host.addresses.ipv4 : to.host.addresses.ipv6
  const filters: readonly [Wire, string][] = [
    ['vxlan', `udp dst port 4789 and dst host ${peer}`],
    ['ipip', `ip proto 4 and dst host ${to.host.addresses.ipv4}`],
    ['plain', `${version === 4 ? 'icmp' : 'icmp6'} and dst host ${address}`],
  ]
  const captures = await Promise.all(filters.map(async ([, filter]) => Capture.start(machine, 'eth0', filter)))
  const count = ['-c', String(PROBES), '-i', '0.02', '-W', '1']
  const { code, stdout } = await from.exec(['ping', '-n', '-q', ...count, address])
  const seen = await Promise.all(captures.map(async (capture) => capture.stop()))
  const kinds = filters.map(([kind]) => kind).filter((_, index) => (seen[index] ?? 0) >= PROBES)
  const [kind] = kinds
  if (code === 0 && kind !== undefined && seen.filter((packets) => packets > 0).length === 1) return kind
  const counts = filters.map(([wire], index) => `${wire} ${seen[index]}`).join(', ')
  throw new Error(`${from.name} -> ${to.name} over IPv${version} is not one thing on the wire: ${counts}\n${stdout}`)
}

/** Changes fields of a pool's spec. */
export const patchPool = async (host: Host, name: string, spec: object): Promise<string> =>
  host.calicoctl('patch', 'ippool', name, '-p', JSON.stringify({ spec }))

/** Waits until packets between the workloads look as they should. */
export async function expectWire(wanted: Wire, pair: Pair): Promise<void> {
  await waitFor(
    `${wanted} between ${pair.from.name} and ${pair.to.name} over IPv${pair.version ?? 4}`,
    async () => {
      const seen = await wireBetween(pair)
      if (seen !== wanted) throw new Error(`it is ${seen}`)
      return true
    },
    { deadlineMs: 40_000, pollMs: 500 },
  )
}

export interface Loss {
  readonly sent: number
  readonly lost: number
}

/** Counts what is lost between the workloads of each pair while `change` takes place: 200 packets a second and pair. */
export async function lossDuring(pairs: readonly Pair[], change: () => Promise<unknown>): Promise<Loss> {
  const targets = await Promise.all(pairs.map(async ({ to, version }) => to.address(version)))
  const streams = pairs.map(({ from }, index) => new Traffic(from, targets[index] ?? '', 5))
  await sleep(500)
  await change()
  await sleep(500)
  const results = await Promise.all(streams.map(async (stream) => stream.stop()))
  const sent = results.reduce((sum, result) => sum + result.sent, 0)
  return { sent, lost: sent - results.reduce((sum, result) => sum + result.answered, 0) }
}

/** The routes of a host, one a line, sorted. */
export async function routesOf(host: Host, version: 4 | 6 = 4): Promise<string[]> {
  const text = await host.machine.must(['ip', `-${version}`, 'route'])
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .toSorted()
}
