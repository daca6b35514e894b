import { CalicoError, hasCode } from '@calico-node/core'
import { findIp, handleKey, type Ip } from '@calico-node/model'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, list, text } from '../../cli/option.ts'
import { readReport, unusedInAll, type CheckReport } from '../../documents/ipam-report.ts'
import { line } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'
import { badAddress } from './show.ts'

async function releaseOne(context: Context, ip: Ip): Promise<Outcome> {
  const ipam = await context.ipam()
  const holder = await ipam.findHolder(ip)
  if (holder === undefined) return { errors: [`IP address ${ip} is not assigned`] }
  await ipam.releaseIps([{ ip, handle: holder.handle, sequence: holder.sequence }])
  return { blocks: [line(`Successfully released IP address ${ip}`)] }
}

/** Reports are acted upon only in the cluster that they are about, and while nobody makes new allocations. */
async function checkReports(context: Context, reports: readonly CheckReport[], force: boolean): Promise<void> {
  const cluster = await (await writableClient(context)).resources('ClusterInformation').get('default')
  if (reports.some(({ clusterGuid }) => clusterGuid !== cluster.spec.clusterGUID)) {
    throw new CalicoError('INVALID', 'A report is about another cluster')
  }
  if (force) return
  if (cluster.spec.datastoreReady !== false) {
    throw new CalicoError(
      'INVALID',
      'The datastore is not locked: use "calicoctl datastore migrate lock" and make a report then, or --force',
    )
  }
  if (!reports.some(({ clusterRevision }) => clusterRevision === cluster.metadata.resourceVersion)) {
    throw new CalicoError('INVALID', 'No report was made since the datastore was locked: make one now, or use --force')
  }
}

async function releaseReported(context: Context, reports: readonly CheckReport[]): Promise<Outcome> {
  const unused = unusedInAll(reports)
  await (await context.ipam()).releaseIps(unused)
  const store = await context.store()
  let handles = 0
  for (const { handle, modRevision } of reports.at(-1)?.leakedHandles ?? []) {
    try {
      await store.delete(handleKey(handle), { modRevision })
      handles++
    } catch (err) {
      if (!hasCode(err, 'NOT_FOUND', 'CONFLICT')) throw err
    }
  }
  return {
    blocks: [
      line(`Released ${unused.length} unused IP addresses and ${handles} leaked handles.`),
      line('You may now unlock the data store.'),
    ],
  }
}

export const command = defineCommand({
  args: ['[ip]'],
  options: {
    ip: text('--ip <ip>', 'free this address'),
    fromReport: list('--from-report <file>', 'free what is unused by every one of these reports (repeatable)'),
    force: flag('--force', 'with reports: also when the datastore is not locked'),
  },
  details:
    'Freeing an address that a workload still uses gives it to two workloads: "ipam show --ip" tells who has it.',
  examples: [
    ['ipam release --ip=192.168.1.1', 'free one address'],
    ['ipam release --from-report=a.json --from-report=b.json', 'free what two checks at different times call unused'],
  ],
  async run(context, [positional], { ip, fromReport, force }) {
    const typed = ip ?? positional
    if (typed !== undefined) {
      const address = findIp(typed)
      if (address === undefined) return badAddress(typed)
      await writableClient(context)
      return releaseOne(context, address)
    }
    if (fromReport.length === 0) throw new CalicoError('INVALID', 'Nothing to release: give --ip or --from-report')
    const reports = fromReport.map(readReport)
    await checkReports(context, reports, force)
    return releaseReported(context, reports)
  },
})
