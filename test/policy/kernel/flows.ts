import { execFileSync } from 'node:child_process'

/** What packets of tests come from. Loopback stays out: Felix and etcd talk there, and a host endpoint may stand in their way. */
const SOURCES = ['-s 10.0.0.0/8', '-s 128.0.0.0/1', '-f ipv6']

/** Makes connection tracking forget, so that the next packet of each flow is a first one again. */
export function forgetFlows(): void {
  const deletions = SOURCES.map((source) => `conntrack -D ${source}`)
  execFileSync('sh', ['-c', `${deletions.join('; ')}; true`], { stdio: 'ignore' })
}
