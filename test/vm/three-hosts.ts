/**
 * Three hosts inside the virtual machine, with no more than tunnels need: each is a network namespace with Felix and one
 * workload; the root namespace is the two subnets between them and their router, and holds etcd. The third host is alone on
 * the second subnet. All of it ends with the machine, so nothing is cleaned up.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { waitFor } from '@calico-node/core'

const root = resolve(import.meta.dirname, '../..')
const ETCD = 'http://10.1.0.1:2379'
/** Generous: a program costs many times more to start there than here. */
export const DEADLINE_MS = 300_000

const host = (number: number, subnet: 1 | 2, workload: string) => ({
  ip: `10.${subnet}.0.1${number}`,
  router: `10.${subnet}.0.1`,
  bridge: `br${subnet}`,
  workload,
  block: `10.65.${number}.0/26`,
  ipipAddress: `10.65.${number}.0`,
  address: `10.65.${number}.1`,
  vxlanAddress: `10.65.${number}.2`,
})
export const HOSTS = { host1: host(1, 1, 'a'), host2: host(2, 1, 'b'), host3: host(3, 2, 'c') } as const
export type HostName = keyof typeof HOSTS
const NAMES = ['host1', 'host2', 'host3'] as const satisfies readonly HostName[]

/** Runs a script. @returns Its output. @throws When it fails */
export const sh = async (script: string): Promise<string> =>
  (await promisify(execFile)('sh', ['-ec', script], { maxBuffer: 2 ** 24 })).stdout

/** Runs a script on a host. */
export const on = (host: HostName, script: string): Promise<string> => {
  const quoted = `'${script.replaceAll("'", `'\\''`)}'`
  return sh(`ip netns exec ${host} sh -ec ${quoted}`)
}

/** Writes a resource. */
export async function put(kind: string, plural: string, name: string, spec: object): Promise<void> {
  const [last = name, namespace] = name.split('/').toReversed()
  const metadata = { name: last, ...(namespace !== undefined && { namespace }), uid: 'u' }
  const value = JSON.stringify({ kind, apiVersion: 'projectcalico.org/v3', metadata, spec })
  await etcdctl('put', `/calico/resources/v3/projectcalico.org/${plural}/${name}`, value)
}

export type Mode = 'Never' | 'CrossSubnet' | 'Always'
export const putPool = (ipipMode: Mode, vxlanMode: Mode = 'Never'): Promise<void> =>
  put('IPPool', 'ippools', 'pool', { cidr: '10.65.0.0/16', blockSize: 26, ipipMode, vxlanMode })

/** Makes both kinds of tunnel stand on every host from now on, whatever mode the pool of the workloads has. */
export async function keepTunnels(): Promise<void> {
  const spec = { blockSize: 26, ipipMode: 'Never', vxlanMode: 'Never' }
  await put('IPPool', 'ippools', 'by-ipip', { ...spec, cidr: '10.66.0.0/16', ipipMode: 'Always' })
  await put('IPPool', 'ippools', 'by-vxlan', { ...spec, cidr: '10.67.0.0/16', vxlanMode: 'Always' })
  const stand = NAMES.map((name) => `ip -n ${name} link show up dev tunl0; ip -n ${name} link show up dev vxlan.calico`)
  await waitFor(
    'both tunnels on every host',
    async () => (await sh(stand.join('\n'))).split('\n').filter((line) => /^\d/.test(line)).length === 2 * NAMES.length,
    { deadlineMs: DEADLINE_MS, pollMs: 500 },
  )
}

/** @param prefixLength How large the node says its subnet is. */
export const putNode = (host: HostName, prefixLength = 24): Promise<void> => {
  const { ip, ipipAddress, vxlanAddress } = HOSTS[host]
  const bgp = { ipv4Address: `${ip}/${prefixLength}`, ipv4IPIPTunnelAddr: ipipAddress }
  return put('Node', 'nodes', host, { bgp, ipv4VXLANTunnelAddr: vxlanAddress })
}

export const putProfile = (ingress: 'Allow' | 'Deny'): Promise<void> =>
  put('Profile', 'profiles', 'open', { ingress: [{ action: ingress }], egress: [{ action: 'Allow' }] })

/** Etcd, resources, hosts with a workload each, and Felix on all of them; returns when they are in sync. */
export async function startHosts(): Promise<void> {
  await sh(`for i in 1 2; do ip link add br$i up type bridge; ip addr add 10.$i.0.1/24 dev br$i; done
    echo 1 >/proc/sys/net/ipv4/ip_forward
    ${NAMES.map((name) => hostScript(name)).join('\n')}`)
  const dir = mkdtempSync(join(tmpdir(), 'etcd-'))
  const urls = [`--listen-client-urls=${ETCD}`, `--advertise-client-urls=${ETCD}`]
  spawn('etcd', [`--data-dir=${dir}`, '--unsafe-no-fsync', ...urls], { stdio: 'ignore' }).unref()
  await waitFor('etcd', async () => (await etcdctl('endpoint', 'health'), true), { deadlineMs: DEADLINE_MS })
  await put('ClusterInformation', 'clusterinformations', 'default', { datastoreReady: true })
  await put('BGPConfiguration', 'bgpconfigurations', 'default', { programClusterRoutes: 'Disabled' })
  await Promise.all([putPool('Always'), putProfile('Allow'), ...NAMES.flatMap(hostResources)])
  await Promise.all(NAMES.map(startFelix))
}

const hostScript = (name: HostName): string => {
  const { ip, router, bridge, workload, address } = HOSTS[name]
  const inside = `ip netns exec ${name}`
  return `
    ip netns add ${name}; ip netns add ${workload}
    ip link add eth0 netns ${name} type veth peer name ${name} netns 1; ip link set ${name} master ${bridge} up
    ${inside} sh -ec 'ip link set lo up; ip addr add ${ip}/24 dev eth0; ip link set eth0 up
      ip route add default via ${router}; echo 1 >/proc/sys/net/ipv4/ip_forward'
    ip link add cali${workload} netns ${name} type veth peer name eth0 netns ${workload}
    ip -n ${name} link set cali${workload} up
    ip -n ${workload} addr add ${address}/32 dev eth0; ip -n ${workload} link set eth0 up
    ip -n ${workload} route add 169.254.1.1 dev eth0; ip -n ${workload} route add default via 169.254.1.1 dev eth0`
}

function hostResources(name: HostName): Promise<void>[] {
  const { block, workload, address } = HOSTS[name]
  const spec = { orchestrator: 'vm', workload, node: name, endpoint: 'eth0', interfaceName: `cali${workload}` }
  const allocation = {
    cidr: block,
    affinity: `host:${name}`,
    allocations: Array(64).fill(null),
    unallocated: [],
    attributes: [],
  }
  return [
    putNode(name),
    put('WorkloadEndpoint', 'workloadendpoints', `default/${name}-vm-${workload}-eth0`, {
      ...spec,
      ipNetworks: [`${address}/32`],
      profiles: ['open'],
    }),
    etcdctl('put', `/calico/ipam/v2/assignment/ipv4/block/${block.replace('/', '-')}`, JSON.stringify(allocation)),
  ]
}

/** Starts Felix and waits until it has converged. */
async function startFelix(name: HostName): Promise<void> {
  const env = {
    PATH: process.env['PATH'],
    FELIX_FELIXHOSTNAME: name,
    FELIX_ETCDENDPOINTS: ETCD,
    FELIX_IPTABLESBACKEND: 'legacy',
    FELIX_IPV6SUPPORT: 'false',
    FELIX_PROGRAMCLUSTERROUTES: 'Enabled',
    FELIX_DEFAULTENDPOINTTOHOSTACTION: 'Accept',
    FELIX_ENDPOINTSTATUSPATHPREFIX: 'none',
    CALICO_MTU_FILE: '',
  }
  const args = ['netns', 'exec', name, process.execPath, join(root, 'dist/felix.cjs'), '-c', '/dev/null']
  const felix = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  let said = ''
  felix.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(felix, 'exit').then(() => {
    throw new Error(`Felix on ${name} ended: ${said}`)
  })
  const inSync = waitFor(`Felix on ${name} to be in sync`, () => said.includes('Dataplane is in sync'), {
    deadlineMs: DEADLINE_MS,
  })
  await Promise.race([inSync, ended])
  ended.catch(() => console.error(`Felix on ${name} ended: ${said}`))
}

async function etcdctl(...args: readonly string[]): Promise<void> {
  await promisify(execFile)('etcdctl', [`--endpoints=${ETCD}`, ...args], {
    env: { ...process.env, ETCDCTL_API: '3' },
  })
}
