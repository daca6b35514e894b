import { CalicoError } from '@calico-node/core'
import { defineCommand } from '../../cli/command.ts'
import { line } from '../../output/block.ts'
import { loadDocuments } from '../../resources/load.ts'
import { reportTally } from '../../resources/report.ts'
import { headOf, typeDocuments } from '../../resources/typed.ts'
import { fileOptions } from './options.ts'

export const command = defineCommand({
  args: [],
  options: fileOptions,
  details: 'Works without a datastore. Every fault of every document is listed, each with its line.',
  examples: [['validate -f policies/ -R', 'check every file below a folder']],
  async run(context, _, { filename, recursive, skipEmpty, namespace }) {
    if (filename === undefined)
      throw new CalicoError('INVALID', 'Option -f is missing: name a file, a folder, or - for standard input')
    const { documents, origin } = await loadDocuments({ filename, recursive, readStdin: () => context.readStdin() })
    if (documents.length === 0 && !skipEmpty) throw new CalicoError('INVALID', `No resources specified in ${origin}`)
    if (documents.length === 0) return { blocks: [line('No resources specified')] }
    const { typed, problems } = typeDocuments(documents, { namespace, allNamespaces: false })
    const kinds = documents.map(({ value }) => headOf(value).kind ?? 'unknown')
    return reportTally({ verb: 'validate', kinds, handled: typed.length, errors: problems })
  },
})
