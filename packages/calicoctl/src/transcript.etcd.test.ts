/**
 * The same hundred commands, in the same order, that a real calicoctl 3.22 was given: exit statuses, columns and
 * layouts must be what scripts rely on. Where ours differ on purpose the table below says why.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { TestCluster } from './harness.test.ts'

interface Step {
  readonly args: readonly string[]
  readonly stdin?: string
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

const TESTDATA = join(import.meta.dirname, 'testdata')
const STEPS: readonly Step[] = JSON.parse(readFileSync(join(TESTDATA, 'transcript.json'), 'utf8'))

/** Commands whose standard output has changed since 3.22, by their words: what it is now. */
const SINCE: Readonly<Record<string, string>> = {
  'get gnp': 'NAME        TIER      \nallow-web   default   \nhost-dnat   default   \n\n',
  'get gnp -o wide':
    'NAME        TIER      ORDER   SELECTOR                    \n' +
    "allow-web   default   100.5   role == 'web' && has(app)   \nhost-dnat   default   <nil>   has(host)                   \n\n",
  'get networkpolicy': 'NAME   TIER   \n\n',
  'get networkpolicy -o wide': 'NAME   TIER   ORDER   SELECTOR   \n\n',
  'get networkpolicy -A': 'NAMESPACE   NAME   TIER      \nshop        db     default   \n\n',
  'get networkpolicy -n shop': 'NAMESPACE   NAME   TIER      \nshop        db     default   \n\n',
  'get networkpolicy -n shop -o wide':
    "NAMESPACE   NAME   TIER      ORDER   SELECTOR      \nshop        db     default   <nil>   app == 'db'   \n\n",
  'get ippool -o wide':
    'NAME       CIDR           NAT     IPIPMODE      VXLANMODE   DISABLED   DISABLEBGPEXPORT   SELECTOR       ASSIGNMENTMODE   \n' +
    "pool-a     10.65.0.0/16   true    CrossSubnet   Never       false      false              rack == 'r1'   Automatic        \n" +
    'pool-six   fd80:65::/48   false   Never         Never       false      false              all()          Automatic        \n\n',
}
/** Where we differ on purpose: what 3.22 printed, what we print, and why. */
const ON_PURPOSE: readonly (readonly [theirs: string, ours: string, why: string])[] = [
  [
    '--net=host --privileged --name=calico-node',
    '--net=host --cap-drop=ALL --cap-add=NET_ADMIN --cap-add=NET_RAW --security-opt=no-new-privileges --read-only --tmpfs=/run --name=calico-node',
    'least privilege is the default, --privileged prints what 3.22 did',
  ],
  [
    '-v /lib/modules:/lib/modules -v /run:/run calico/node',
    '-v /proc/sys/net:/host/proc/sys/net calico/node',
    'the same: no modules can be loaded, and all of /run holds the sockets of the host; sysctls go through the mount',
  ],
  [
    '-e ETCD_DISCOVERY_SRV= -v',
    '-e ETCD_DISCOVERY_SRV= --mount=type=bind,src=/run/xtables.lock,dst=/run/xtables.lock -v',
    'the same: of /run the lock of iptables is shared with the host',
  ],
]
const differing = (text: string): string => ON_PURPOSE.reduce((all, [theirs, ours]) => all.replace(theirs, ours), text)

/** Printed by later versions than 3.22, with every set of privileges. */
const later = (text: string): string =>
  text.replace(/(-e CALICO_NETWORKING_BACKEND=\w+)/, '$1 -e CALICO_MANAGE_CNI=false')

/** Extensions of ours: a name per line; the options of Docker networks, which 3.22 had dropped and earlier ones had. */
const EXTENSIONS = new Set([
  'get bgppeer -o name',
  'node run --dryrun --ip=10.20.0.1 --as=65010 --ip6=fd00::1 --disable-docker-networking --init-system',
])

/** Identifiers of that run, and the columns of policies that 3.22 did not have. */
const normal = (text: string): string =>
  text
    .replace(/\b[0-9a-f]{32}\b/g, 'GUID')
    .replace(/NAME {8}TIER {6}\n(\S+ +)default {3}\n/g, (_, name: string) => `NAME        \n${name}\n`)
    .replace(/NAME {3}TIER {6}\n(\S+ +)default {3}\n/g, (_, name: string) => `NAME   \n${name}\n`)

let cluster: TestCluster
let dir: string
before(async () => {
  cluster = await TestCluster.start()
  dir = mkdtempSync(join(tmpdir(), 'transcript-'))
  writeFileSync(join(dir, 'in.yaml'), readFileSync(join(TESTDATA, 'in.json')))
})
after(async () => {
  await cluster.stop()
  rmSync(dir, { recursive: true })
})

describe('the transcript of calicoctl 3.22', () => {
  const runs = STEPS.filter(({ args }) => args.includes('--dryrun'))
  const privileged = runs.map((step) => ({ ...step, args: [...step.args, '--privileged'] }))
  for (const [at, { args, stdin, exit, stdout, stderr }] of [...STEPS, ...privileged].entries()) {
    const line = args.join(' ')
    if (EXTENSIONS.has(line.replace(/ --privileged$/, ''))) continue
    test(`${at} ${line}`, async () => {
      const words = args.map((word) => (word === 'in.yaml' ? join(dir, word) : word))
      const result = await cluster.cli(words, {
        ...(stdin !== undefined && { stdin }),
        env: { ETCD_ENDPOINTS: cluster.env['ETCD_ENDPOINTS'] ?? '' },
      })
      const today = later(args.includes('--privileged') ? stdout : differing(SINCE[line] ?? stdout))
      const expected = today.replace('http://127.0.0.1:23790', cluster.env['ETCD_ENDPOINTS'] ?? '')
      assert.equal(normal(result.stdout), normal(expected), result.stderr)
      assert.equal(result.exit, exit, result.stderr)
      assert.equal(result.stderr === '', stderr === '', result.stderr)
    })
  }
})
