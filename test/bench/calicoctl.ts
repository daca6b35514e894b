/** How long an operator waits for calicoctl: the bundle as it is installed, each run a process of its own. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { quietLogger } from '@calico-node/core'
import { openEtcd } from '@calico-node/datastore'
import {
  encodeResource,
  makeResource,
  parseResource,
  prepareCreate,
  resourceKey,
  type Resource,
} from '@calico-node/model'
import { withEtcd } from '@calico-node/testkit'
import { type Bench, type Figure, percentile } from './figure.ts'

const CALICOCTL = resolve(import.meta.dirname, '../../bin/calicoctl')
const NODES = 500
const RESOURCES = 1000
const RUNS = 9
/** Both sides write as many at once as calicoctl does. */
const AT_ONCE = 32
const PLAIN_CLIENT = resolve(import.meta.dirname, 'etcd-puts.ts')

export const bench: Bench = {
  name: 'calicoctl',
  run: () =>
    withEtcd({}, async (etcd) => {
      const dir = mkdtempSync(join(tmpdir(), 'bench-calicoctl-'))
      const env = { ...process.env, ETCD_ENDPOINTS: etcd.urls.join() }
      const timed = async (file: string, ...args: readonly string[]): Promise<number> => {
        const began = performance.now()
        await promisify(execFile)(file, args, { env, maxBuffer: 64 * 1024 * 1024 })
        return performance.now() - began
      }
      const median = async (run: () => Promise<number>): Promise<number> => {
        await run() // fills the cache of compiled code
        const times: number[] = []
        for (let i = 0; i < RUNS; i++) times.push(await run())
        return percentile(times, 50)
      }
      try {
        const startMs = await median(() => timed(CALICOCTL, 'version', '--client'))
        const figures: Figure[] = [{ name: 'version --client', value: startMs, unit: 'ms', note: 'target 100' }]

        await fill(
          etcd.urls,
          Array.from({ length: NODES }, (_, i) => nodeOf(i)),
        )
        const getMs = await median(() => timed(CALICOCTL, 'get', 'nodes'))
        figures.push({ name: `get nodes, ${NODES} of them`, value: getMs, unit: 'ms', note: 'target 250' })

        const file = join(dir, 'sets.json')
        const sets = Array.from({ length: RESOURCES }, (_, i) => setOf(i))
        writeFileSync(file, JSON.stringify(sets))
        const wipe = (): Promise<string> =>
          etcd.ctl('del', '--prefix', '/calico/resources/v3/projectcalico.org/globalnetworksets/')
        const created: number[] = []
        const plain: number[] = []
        for (let i = 0; i < 5; i++) {
          await wipe()
          plain.push(await timed(process.execPath, PLAIN_CLIENT, etcd.urls.join(), file, String(AT_ONCE)))
          await wipe()
          created.push(await timed(CALICOCTL, 'apply', '-f', file))
        }
        const again = await median(() => timed(CALICOCTL, 'apply', '-f', file))
        const [plainMs, createdMs] = [percentile(plain, 50), percentile(created, 50)]
        figures.push(
          { name: `${RESOURCES} puts by a plain client, ${AT_ONCE} at a time`, value: plainMs, unit: 'ms' },
          {
            name: `apply of ${RESOURCES} new resources`,
            value: createdMs,
            unit: 'ms',
            note: `${(createdMs / plainMs).toFixed(2)} times the plain client, target 1.5`,
          },
          { name: `apply of ${RESOURCES} that are there`, value: again, unit: 'ms' },
        )
        return figures
      } finally {
        rmSync(dir, { recursive: true })
      }
    }),
}

const nodeOf = (i: number): Resource =>
  makeResource(
    'Node',
    { name: `node-${String(i).padStart(4, '0')}` },
    { bgp: { ipv4Address: `10.0.${i >> 8}.${i & 255}/16` } },
  )

const setOf = (i: number): Resource =>
  makeResource(
    'GlobalNetworkSet',
    { name: `set-${i}`, labels: { app: `app-${i % 10}` } },
    { nets: [`10.${i >> 8}.${i & 255}.0/24`] },
  )

async function fill(endpoints: readonly string[], resources: readonly Resource[]): Promise<void> {
  const store = openEtcd({ endpoints }, quietLogger)
  for (const resource of resources) {
    const born = prepareCreate(parseResource(resource), {
      uid: '00000000-0000-4000-8000-000000000000',
      now: new Date(0),
    })
    await store.put(resourceKey(resource.kind, resource.metadata.name), encodeResource(born))
  }
  store.close()
}
