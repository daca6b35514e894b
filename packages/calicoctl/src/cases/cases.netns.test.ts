/** The table of commands that look at the host or change it, each on a host of its own: a namespace with one container. */
import { after, before, describe, test } from 'node:test'
import { initialise } from '@calico-node/datastore'
import { run } from '@calico-node/linux'
import { makeResource } from '@calico-node/model'
import { requireOwnNamespace } from '@calico-node/testkit'
import { TestCluster } from '../harness.test.ts'
import { caseFolder, type CaseRunner, checkCase, readCases, recordCases, removeFolder } from './case.test.ts'

requireOwnNamespace()

const MODULES = [
  'IP_SET IP_NF_IPTABLES IP_NF_TARGET_REJECT NETFILTER_XT_MATCH_RPFILTER IP_NF_MATCH_RPFILTER NF_CT_NETLINK',
  'NETFILTER_XT_MATCH_ADDRTYPE NETFILTER_XT_MATCH_CONNTRACK NETFILTER_XT_MARK NETFILTER_XT_MATCH_MULTIPORT NETFILTER_XT_SET',
  'IP6_NF_IPTABLES NETFILTER_XT_MATCH_BPF NETFILTER_XT_MATCH_U32 NETFILTER_XT_MATCH_IPVS VFIO_PCI',
]
const FILES = {
  'kernel.config': MODULES.join(' ')
    .split(' ')
    .map((name) => `CONFIG_${name}=y\n`)
    .join(''),
  'logs/felix/current': 'a line of felix\n',
}
const VARIABLE: CaseRunner['variable'] = [
  [/\b[0-9a-f]{32}\b/g, 'ENDPOINT'],
  [/\bcali[0-9a-f]{11}\b/g, 'CALI'],
  [/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC'],
  [/\/tmp\/calico[^/\s]*\//g, 'TMP/'],
  [/\d{8}[_-]\d{6}/g, 'STAMP'],
  [/\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d(\.\d+)?Z/g, 'TIME'],
  [/^( {2}\S.{22} +)(OK|FAIL|SKIP) .*$/gm, '$1RESULT'], // of the modules, and the kernel's version
  [/^ {2}\S+: Cannot run .*\n/gm, ''], // what is not installed or does not run where the tests run
  [/Cannot run docker: .*/g, 'Cannot run docker: WHY'],
  [/revision \d+/g, 'revision N'],
]

async function buildScene({ client, store, cli }: Pick<TestCluster, 'client' | 'store' | 'cli'>): Promise<void> {
  await initialise(client)
  for (const [i, name] of ['host-a', 'host-b'].entries())
    await client
      .resources('Node')
      .create(makeResource('Node', { name }, { bgp: { ipv4Address: `10.20.0.${i + 1}/24` } }))
  await client.resources('IPPool').create(makeResource('IPPool', { name: 'pool-a' }, { cidr: '10.65.0.0/24' }))
  await store.put('/calico/ipam/v2/config', '{"auto_allocate_blocks":true}') // else the first assignment makes it
  await cli('profile add PROF_A_B')
}

/** No container is connected, and the namespace `web` is as new. */
async function resetHost(): Promise<void> {
  for (const name of (await run('ip', ['netns', 'list'])).match(/^\S+/gm) ?? [])
    await run('ip', ['netns', 'delete', name])
  for (const link of (await run('ip', ['-br', 'link'])).match(/^cali\w+/gm) ?? [])
    await run('ip', ['link', 'delete', link]).catch(() => undefined) // it goes with the namespace of its peer
  await run('ip', ['netns', 'add', 'web'])
}

describe('commands on a host', () => {
  let runner: CaseRunner
  before(async () => {
    const cluster = await TestCluster.start()
    await run('ip', ['link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0p'])
    await run('ip', ['address', 'add', '10.20.0.1/24', 'dev', 'eth0'])
    await run('ip', ['link', 'set', 'eth0', 'up'])
    // What other nodes of this machine have left behind is not of this host.
    await run('mkdir', ['-p', '/var/run/calico'])
    await run('mount', ['-t', 'tmpfs', 'none', '/var/run/calico'])
    await buildScene({ client: cluster.client, store: cluster.store, cli: (line) => cluster.cli(line) })
    const scene = await cluster.everything()
    runner = { cluster, dir: caseFolder(FILES), scene, variable: VARIABLE, reset: resetHost }
    if (process.env['RECORD_CASES'] !== undefined) await recordCases('host', runner)
  })
  after(async () => {
    await runner.cluster.stop()
    removeFolder(runner.dir)
  })
  for (const [at, one] of readCases('host').entries())
    test(`${at + 1} calicoctl ${one.line}`, () => checkCase(runner, one))
})
