import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { openEtcd } from '@calico-node/datastore'
import { decodeHostReport, type HostReport, hostReportKey, parseNodeName } from '@calico-node/model'
import { withEtcd } from '@calico-node/testkit'
import { environmentLayer } from '../config/layers.ts'
import { resolveFelixConfig } from '../config/resolve.ts'
import { Health } from './health.ts'
import { HostReporter } from './host-report.ts'
import { Problems } from './problems.ts'

const node = parseNodeName('here')
const { config } = resolveFelixConfig([
  environmentLayer({ FELIX_FAILSAFEINBOUNDHOSTPORTS: 'tcp:22,udp:10.0.0.0/8:68' }),
])

test('HostReporter: file and store say the same; the file does without the store, which catches up', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'host-report-'))
  const file = join(directory, 'run', 'felix.json')
  await withEtcd({}, async (etcd) => {
    const store = openEtcd({ endpoints: etcd.urls, timeoutMs: 500 }, quietLogger)
    const problems = new Problems({ log: quietLogger })
    const health = new Health()
    health.register({ name: 'part', timeoutMs: 0 })
    const reporter = new HostReporter({ store, node, config, file, problems, health, log: quietLogger, spreadMs: 0 })
    const stop = new AbortController()
    const running = reporter.run(stop.signal)
    const filed = (): HostReport => decodeHostReport(readFileSync(file, 'utf8'), file)
    const stored = async (): Promise<HostReport | undefined> => {
      const kv = await store.get(hostReportKey(node))
      return kv && decodeHostReport(kv.value, kv.key)
    }
    try {
      const iptables = { variant: 'nft', reason: 'configured' } as const
      reporter.setDataplane({ iptables, workloadMtuBytes: () => 1450 })
      problems.raise('pools', 'IP pools a and b overlap')
      const seen = await waitFor('the report in the store', async () => {
        const report = await stored()
        return report?.problems.length === 1 && report
      })
      assert.deepEqual(seen.failsafe.inbound, ['tcp:22', 'udp:10.0.0.0/8:68'])
      assert.deepEqual([seen.iptables?.variant, seen.problems[0]?.reason], ['nft', 'IP pools a and b overlap'])
      assert.deepEqual([seen.mtuBytes, seen.ready, seen.version], [1450, false, 'unbundled'])
      assert.ok(Date.parse(seen.started ?? '') <= Date.parse(seen.time))
      assert.deepEqual({ ...filed(), time: '' }, { ...seen, time: '' })

      health.report('part', { live: true, ready: true })
      await waitFor('the report to say ready', async () => (await stored())?.ready)

      await etcd.member.stop()
      for (let i = 0; i < 30; i++) problems.raise(`many ${i}`, 'x')
      await waitFor('the file to follow', () => filed().unlisted === 11)
      assert.equal(filed().problems.length, 20)
      await etcd.restart(etcd.member)
      await waitFor('the store to catch up', async () => (await stored())?.unlisted === 11, { deadlineMs: 30_000 })
    } finally {
      stop.abort()
      await running
      store.close()
    }
    const [{ since } = { since: '' }] = filed().problems
    const next = new Problems({ log: quietLogger, now: () => new Date(Date.parse(since) + 10_000) })
    await new HostReporter({ store, node, config, file, problems: next, health, log: quietLogger }).run(
      AbortSignal.abort(),
    )
    next.raise('pools', 'IP pools a and b overlap')
    assert.equal(next.list()[0]?.since, since, 'a restart does not make the problem younger')
  })
  rmSync(directory, { recursive: true })
})
