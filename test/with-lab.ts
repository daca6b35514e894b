import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Host, Lab, type Workload } from '@calico-node/lab'

const root = resolve(import.meta.dirname, '..')

export interface LabTestOptions {
  /** The hosts, by name, and each on which subnet (default 0); nodes are started on all of them unless `start` is false. */
  readonly hosts?: readonly (string | { readonly name: string; readonly subnet: number })[]
  readonly start?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** More flags for etcd. */
  readonly etcdArgs?: readonly string[]
}

/** Runs `body` in a lab of its own; on failure the logs of all hosts are printed. */
export async function withLab(opts: LabTestOptions, body: (lab: Lab, hosts: Host[]) => Promise<void>): Promise<void> {
  const { hosts: names = ['host1', 'host2'], start = true, env = {}, etcdArgs = [] } = opts
  const dir = mkdtempSync(join(tmpdir(), 'calico-lab-'))
  const lab = await Lab.start({ root, dir, etcdArgs })
  try {
    const hosts: Host[] = []
    for (const each of names)
      hosts.push(await (typeof each === 'string' ? lab.addHost(each) : lab.addHost(each.name, each)))
    if (start) await Promise.all(hosts.map(async (host) => host.startNode({ IP6: 'autodetect', ...env })))
    await body(lab, hosts)
  } catch (err) {
    for (const host of lab.hosts.values()) console.log(host.logTails(60))
    throw err
  } finally {
    await lab.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** A container on a host, on the Calico network, with the profile `open` (made when absent). */
export async function addOpenWorkload(host: Host, name: string): Promise<Workload> {
  const workload = await addWorkload(host, name)
  await host.machine.exec(['calicoctl', 'profile', 'add', 'open'])
  await host.calicoctl('container', name, 'profile', 'set', 'open')
  return workload
}

/** A container on a host, on the Calico network, without any profile. */
export async function addWorkload(host: Host, name: string): Promise<Workload> {
  const workload = await host.addWorkload(name)
  await host.calicoctl('container', 'add', name)
  return workload
}
