import { LabEtcd, UNDERLAY, type Lab } from '@calico-node/lab'
import type { TestCa } from '@calico-node/testkit'

const PORTS = [12379, 22379, 32379]
export const ROOT = { username: 'root', password: 'root' }

export interface ClusterOptions {
  readonly ca: TestCa
  /** Want user and password of clients. */
  readonly passwords: boolean
}

/**
 * Starts an etcd cluster of three members on the underlay of a lab, beside the lab's own etcd. They serve TLS to clients
 * with a certificate of `ca`.
 */
export async function startCluster(lab: Lab, { ca, passwords }: ClusterOptions): Promise<LabEtcd[]> {
  const certificate = await ca.issue('etcd', { altNames: [`IP:${UNDERLAY.ipv4}`] })
  const member = (port: number, cluster?: string): LabEtcd =>
    new LabEtcd({
      machine: lab.underlay,
      address: UNDERLAY.ipv4,
      name: `m${port}`,
      port,
      tls: { caFile: ca.caFile, ...certificate },
      ...(cluster !== undefined && { cluster }),
    })
  const cluster = PORTS.map((port) => member(port).peer).join(',')
  const members = PORTS.map((port) => member(port, cluster))
  await Promise.all(members.map((each) => each.start()))
  if (passwords) await enableAuth(members)
  return members
}

async function enableAuth(members: readonly LabEtcd[]): Promise<void> {
  const user = `${ROOT.username}:${ROOT.password}`
  const [first] = members
  await first?.must('user', 'add', user)
  await first?.must('user', 'grant-role', 'root', 'root')
  await first?.must('auth', 'enable')
  for (const member of members) member.user = user
}
