/**
 * Two hosts inside the virtual machine, with no more than IP-in-IP needs: each is a network namespace with Felix and one
 * workload; the root namespace is the network between them and holds etcd. All of it ends with the machine, so nothing is
 * cleaned up.
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

export const HOSTS = {
  host1: { ip: '10.1.0.11', block: '10.65.1.0/26', tunnel: '10.65.1.0', workload: 'a', address: '10.65.1.1' },
  host2: { ip: '10.1.0.12', block: '10.65.2.0/26', tunnel: '10.65.2.0', workload: 'b', address: '10.65.2.1' },
} as const
export type HostName = keyof typeof HOSTS
const NAMES = ['host1', 'host2'] as const satisfies readonly HostName[]

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

export const putPool = (ipipMode: 'Always' | 'CrossSubnet'): Promise<void> =>
  put('IPPool', 'ippools', 'pool', { cidr: '10.65.0.0/16', blockSize: 26, ipipMode, vxlanMode: 'Never' })

/** @param prefixLength How large the node says its subnet is. */
export const putNode = (host: HostName, prefixLength = 24): Promise<void> => {
  const { ip, tunnel } = HOSTS[host]
  return put('Node', 'nodes', host, { bgp: { ipv4Address: `${ip}/${prefixLength}`, ipv4IPIPTunnelAddr: tunnel } })
}

export const putProfile = (ingress: 'Allow' | 'Deny'): Promise<void> =>
  put('Profile', 'profiles', 'open', { ingress: [{ action: ingress }], egress: [{ action: 'Allow' }] })

/** Etcd, resources, hosts with a workload each, and Felix on both; returns when both are in sync. */
export async function startHosts(): Promise<void> {
  await sh(`ip link add br0 up type bridge; ip addr add 10.1.0.1/24 dev br0
    ${NAMES.map((name) => hostScript(name)).join('\n')}`)
  const dir = mkdtempSync(join(tmpdir(), 'etcd-'))
  const urls = [`--listen-client-urls=${ETCD}`, `--advertise-client-urls=${ETCD}`]
  spawn('etcd', [`--data-dir=${dir}`, '--unsafe-no-fsync', ...urls], { stdio: 'ignore' }).unref()
  await waitFor('etcd', async () => (await etcdctl('endpoint', 'health'), true), { deadlineMs: DEADLINE_MS })
  await put('ClusterInformation', 'clusterinformations', 'default', { datastoreReady: true })
  await Promise.all([putPool('Always'), putProfile('Allow'), ...NAMES.flatMap(hostResources)])
  await Promise.all(NAMES.map(startFelix))
}

const hostScript = (name: HostName): string => {
  const { ip, workload, address } = HOSTS[name]
  const inside = `ip netns exec ${name}`
  return `
    ip netns add ${name}; ip netns add ${workload}
    ip link add eth0 netns ${name} type veth peer name ${name} netns 1; ip link set ${name} master br0 up
    ${inside} sh -ec 'ip link set lo up; ip addr add ${ip}/24 dev eth0; ip link set eth0 up
      ip route add default via 10.1.0.1; echo 1 >/proc/sys/net/ipv4/ip_forward'
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
