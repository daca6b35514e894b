import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import { textOr } from '../../cli/option.ts'
import { requireRoot } from '../../documents/container.ts'
import { collectHost, packFolder } from '../../host/diagnostics.ts'
import { line, type Block } from '../../output/block.ts'

export const command = defineCommand({
  args: [],
  options: { logDir: textOr('--log-dir <folder>', 'logs of the node', '/var/log/calico') },
  details: 'Nothing is changed, and no secret of etcd is read. Commands that this host does not have are left out.',
  examples: [['node diags', 'collect everything into one archive']],
  async *run({ signal }, _, { logDir }): AsyncGenerator<Block, Outcome> {
    requireRoot()
    const parent = mkdtempSync(join(tmpdir(), 'calico'))
    const directory = join(parent, 'diagnostics')
    mkdirSync(directory)
    yield line('Collecting diagnostics')
    yield* collectHost(directory, { logDir, signal })
    return { blocks: [line(`\nDiags saved to ${await packFolder(parent, 'diagnostics', 'diags')}`)] }
  },
})
