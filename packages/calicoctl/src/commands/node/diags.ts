import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import { hidden, text, textOr } from '../../cli/option.ts'
import { requireRoot } from '../../documents/container.ts'
import { collectHost, packFolder } from '../../host/diagnostics.ts'
import { knownSecrets } from '../../host/secrets.ts'
import { line, type Block } from '../../output/block.ts'

export const command = defineCommand({
  args: [],
  options: {
    logDir: textOr('--log-dir <folder>', 'logs of the node', '/var/log/calico'),
    runtime: hidden(text('--runtime <runtime>', 'accepted')),
  },
  details:
    'Nothing is changed. Passwords of etcd and of BGP, keys, and what looks like a secret are taken out. Commands that this ' +
    'host does not have are left out.',
  examples: [['node diags', 'collect everything into one archive']],
  async *run({ env, configFile, signal }, _, { logDir }): AsyncGenerator<Block, Outcome> {
    requireRoot()
    const parent = mkdtempSync(join(tmpdir(), 'calico'))
    const directory = join(parent, 'diagnostics')
    mkdirSync(directory)
    yield line('Collecting diagnostics')
    yield* collectHost(directory, { logDir, secrets: await knownSecrets(env, configFile), signal })
    const archive = await packFolder(parent, 'diagnostics', 'diags')
    rmSync(directory, { recursive: true })
    return { blocks: [line(`\nDiags saved to ${archive}`)] }
  },
})
