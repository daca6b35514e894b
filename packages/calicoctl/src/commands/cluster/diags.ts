import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '@calico-node/core'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, hidden, text, textOr } from '../../cli/option.ts'
import { collectHost, packFolder } from '../../host/diagnostics.ts'
import { knownSecrets } from '../../host/secrets.ts'
import { line, type Block } from '../../output/block.ts'
import { redactValue } from '../../resources/redaction.ts'

const FOLDER = 'cluster-diagnostics'
/** Everything of Calico's, and nobody else's. */
const PREFIX = '/calico/'

/** Every key and value at one moment, a line of JSON each. */
async function dumpStore(context: Context, directory: string): Promise<string> {
  const store = await context.store()
  const { kvs, revision } = await store.list(PREFIX)
  const rows = kvs.map(({ key, value, modRevision }) =>
    JSON.stringify({ key, modRevision: String(modRevision), value: redactValue(value) }),
  )
  writeFileSync(join(directory, 'datastore.jsonl'), rows.map((row) => `${row}\n`).join(''))
  return `${kvs.length} keys at revision ${revision}`
}

export const command = defineCommand({
  args: [],
  options: {
    logDir: textOr('--log-dir <folder>', 'logs of the node of this host', '/var/log/calico'),
    skipTempDirCleanup: flag('--skip-temp-dir-cleanup', 'leave the files beside the archive'),
    // For scripts of Calico's own tool, where they limit what is fetched from the pods of other nodes.
    since: hidden(text('--since <duration>', 'accepted')),
    maxLogs: hidden(text('--max-logs <number>', 'accepted')),
    maxParallelism: hidden(text('--max-parallelism <number>', 'accepted')),
    focusNodes: hidden(text('--focus-nodes <nodes>', 'accepted')),
  },
  details:
    'Packs all that Calico keeps in the datastore, with what may be a secret taken out, and, when run as root, the state and ' +
    'the logs of this host. Run "calicoctl node diags" on the other hosts. Nothing is changed.',
  examples: [['cluster diags', 'one archive for who looks for the fault']],
  async *run(context, _, { logDir, skipTempDirCleanup }): AsyncGenerator<Block, Outcome> {
    const parent = mkdtempSync(join(tmpdir(), 'calico'))
    const directory = join(parent, FOLDER)
    const host = join(directory, 'host')
    mkdirSync(host, { recursive: true })
    const errors: string[] = []
    yield line('Collecting what is in the datastore')
    try {
      yield line(`  ${await dumpStore(context, directory)}`)
    } catch (err) {
      // A datastore that is not there is what somebody may have to look into: the rest is collected all the same.
      errors.push(`Cannot read the datastore: ${messageOf(err)}`)
      writeFileSync(join(directory, 'datastore.failed'), `${messageOf(err)}\n`)
    }
    if (process.geteuid?.() === 0) {
      yield line('Collecting the state of this host')
      const secrets = await knownSecrets(context.env, context.configFile)
      yield* collectHost(host, { logDir, secrets, signal: context.signal })
    } else yield line('Not run as root: the state of this host is left out')
    const archive = await packFolder(parent, FOLDER, 'cluster-diags')
    if (!skipTempDirCleanup) rmSync(directory, { recursive: true })
    return { blocks: [line(`\nDiags saved to ${archive}`)], errors }
  },
})
