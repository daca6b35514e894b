/** Looks at one thing on a host, in a workload or in etcd. What is not there is `undefined` or `false`, not an error. */
import type { Host } from '../host.ts'
import type { Lab } from '../lab.ts'
import type { Workload } from '../workload.ts'

const RESOURCES = '/calico/resources/v3/projectcalico.org'

interface RouteLine {
  dst: string
  dev?: string
  gateway?: string
  protocol?: string
}
interface LinkLine {
  ifname: string
  address: string
  link_index?: number
  ifindex: number
}
interface NodeValue {
  spec: { bgp?: { ipv4Address?: string; ipv6Address?: string } }
}
interface PoolValue {
  spec: { cidr: string }
}
interface BlockValue {
  allocations: (number | null)[]
}
interface NeighbourLine {
  dst: string
  lladdr?: string
}

const parseList = <T>(json: string): T[] => (json.trim() === '' ? [] : JSON.parse(json))

export async function oneOfEach(host: Host, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const pids = await host.pids(name)
    if (pids.length !== 1) throw new Error(`${pids.length} processes named ${name}`)
  }
  return true
}

export async function nodeBgp(lab: Lab, node: string): Promise<{ ipv4Address?: string; ipv6Address?: string }> {
  return (await lab.etcd.json<NodeValue>(`${RESOURCES}/nodes/${node}`))?.spec.bgp ?? {}
}

export async function poolCidrs(lab: Lab): Promise<string[]> {
  const keys = await lab.etcd.keys(`${RESOURCES}/ippools/`)
  const pools = await Promise.all(keys.map(async (key) => lab.etcd.json<PoolValue>(key)))
  return pools.flatMap((pool) => (pool === undefined ? [] : [pool.spec.cidr]))
}

/** "host1: 172.30.0.12 Established", or undefined while there is no established session of that family. */
export async function establishedPeer(host: Host, version: 4 | 6): Promise<string | undefined> {
  const [tool, socket] = version === 4 ? ['birdc', 'bird.ctl'] : ['birdc6', 'bird6.ctl']
  const { stdout } = await host.machine.exec([tool, '-s', `/var/run/calico/${socket}`, 'show', 'protocols'])
  const line = stdout.split('\n').find((row) => /\sBGP\s.*\sEstablished/.test(row))
  const peer = /^\w+?_(\S+)/.exec(line ?? '')?.[1]?.replaceAll('_', version === 4 ? '.' : ':')
  return peer === undefined ? undefined : `${host.name}: ${peer} Established`
}

export async function interfaces(workload: Workload): Promise<string[]> {
  const { stdout } = await workload.exec(['ip', '-j', 'link'])
  return parseList<LinkLine>(stdout).map((link) => link.ifname)
}

export async function gateway(workload: Workload): Promise<string | undefined> {
  const { stdout } = await workload.exec(['ip', '-j', 'route', 'show', 'default'])
  return parseList<RouteLine>(stdout)[0]?.gateway
}

const routes = async (host: Host, address: string): Promise<RouteLine[]> =>
  parseList<RouteLine>((await host.machine.exec(['ip', '-j', 'route', 'show', 'match', address])).stdout)

/** The host route to a local container. */
export async function deviceRoute(host: Host, address: string): Promise<string | undefined> {
  const route = (await routes(host, address)).find(
    (line) => line.dst === address && line.dev?.startsWith('cali') === true,
  )
  return route && `${route.dst} dev ${route.dev}`
}

/** The route (to the address or its block) that BIRD installed via the other host. */
export async function bgpRoute(host: Host, address: string, via: string): Promise<string | undefined> {
  const route = (await routes(host, address)).find((line) => line.protocol === 'bird' && line.gateway === via)
  return route && `${route.dst} via ${route.gateway} proto bird`
}

async function containerLink(workload: Workload): Promise<LinkLine> {
  const { stdout } = await workload.exec(['ip', '-j', 'link'])
  const link = parseList<LinkLine>(stdout).find(({ ifname }) => ifname !== 'lo')
  if (link === undefined) throw new Error(`${workload.name} has no interface but lo`)
  return link
}

async function hostLink(workload: Workload): Promise<LinkLine> {
  const { link_index: index } = await containerLink(workload)
  const links = parseList<LinkLine>((await workload.host.machine.exec(['ip', '-j', 'link'])).stdout)
  const link = links.find(({ ifindex }) => ifindex === index)
  if (link === undefined) throw new Error(`${workload.host.name} has no interface ${index}`)
  return link
}

export const hostInterface = async (workload: Workload): Promise<string> => (await hostLink(workload)).ifname
export const hostMac = async (workload: Workload): Promise<string> => (await hostLink(workload)).address

/** The MAC that the container knows its gateway by; it is asked to look it up first. */
export async function gatewayMac(workload: Workload): Promise<string | undefined> {
  await workload.pings(workload.host.addresses.ipv4, 300)
  const { stdout } = await workload.exec(['ip', '-j', 'neigh', 'show', workload.host.addresses.ipv4])
  return parseList<NeighbourLine>(stdout)[0]?.lladdr
}

export async function sysctl(host: Host, key: string): Promise<string> {
  return (await host.machine.exec(['cat', `/proc/sys/${key}`])).stdout.trim()
}

export async function hostPings(host: Host, address: string): Promise<boolean> {
  return (await host.machine.exec(['ping', '-n', '-q', '-c', '1', '-W', '0.5', address])).code === 0
}

/** Rules in all tables of both families and variants. */
export async function ruleCount(host: Host): Promise<number> {
  const { stdout } = await host.machine.exec([
    'sh',
    '-c',
    'for v in legacy nft; do iptables-$v-save; ip6tables-$v-save; done 2>/dev/null | grep -c ^-A',
  ])
  return Number(stdout.trim())
}

export async function assignedAddresses(lab: Lab): Promise<number> {
  const keys = await lab.etcd.keys('/calico/ipam/v2/assignment/')
  const blocks = await Promise.all(keys.map(async (key) => lab.etcd.json<BlockValue>(key)))
  return blocks.flatMap((block) => block?.allocations ?? []).filter((slot) => slot !== null).length
}

/** What Felix should have taken away with the last container. */
export async function leftovers(host: Host): Promise<string[]> {
  const script = `ip -br link | grep ^cali
    ip route | grep 'dev cali'
    for v in legacy nft; do iptables-$v-save; done 2>/dev/null | grep -E ':cali-(tw|fw|pri|pro)-'
    ipset list -n | grep 'cali[46]0[sn]:'`
  const { stdout } = await host.machine.exec(['sh', '-c', script])
  return stdout.split('\n').filter((line) => line !== '')
}
