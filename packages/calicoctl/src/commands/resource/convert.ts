import { CalicoError } from '@calico-node/core'
import { parseResource } from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { flag, oneOf } from '../../cli/option.ts'
import { convertDocument } from '../../convert/document.ts'
import { toYaml } from '../../output/yaml.ts'
import type { SourceDocument } from '../../resources/document.ts'
import { loadDocuments } from '../../resources/load.ts'
import { describeDocumentError } from '../../resources/typed.ts'
import { fileOptions } from './options.ts'

const { filename, recursive, skipEmpty } = fileOptions

/** All or nothing: half of a set of policies is another policy. */
function convertAll(documents: readonly SourceDocument[], validate: boolean): { v3: unknown[]; problems: string[] } {
  const v3: unknown[] = []
  const problems: string[] = []
  for (const document of documents) {
    try {
      const converted = convertDocument(document.value)
      v3.push(validate ? parseResource(converted) : converted)
    } catch (err) {
      problems.push(...describeDocumentError(document, err))
    }
  }
  return { v3, problems }
}

export const command = defineCommand({
  args: [],
  options: {
    filename,
    recursive,
    skipEmpty,
    output: oneOf('-o, --output <format>', 'print as (default yaml)', ['yaml', 'json']),
    ignoreValidation: flag('--ignore-validation', 'print also what v3 would refuse'),
  },
  details:
    'Reads node, hostEndpoint, workloadEndpoint, profile, policy, ipPool and bgpPeer of apiVersion v1 and prints them as v3 ' +
    'resources. Tags of a profile become labels without a value, and a rule that names a tag selects that label. A name ' +
    'that v3 does not allow is changed and gets eight digits of a hash, so that no two become one. ' +
    'Works without a datastore, and prints nothing when one of the documents cannot be converted.',
  examples: [
    ['convert -f old.yaml', 'print as v3'],
    ['convert -f old/ -R -o json', 'a whole folder, as JSON'],
  ],
  async run(context, _, options) {
    if (options.filename === undefined)
      throw new CalicoError('INVALID', 'Option -f is missing: name a file, a folder, or - for standard input')
    const { documents, origin } = await loadDocuments({
      filename: options.filename,
      recursive: options.recursive,
      readStdin: () => context.readStdin(),
    })
    if (documents.length === 0) {
      if (options.skipEmpty) return { errors: ['No resources specified'], exitCode: 0 }
      throw new CalicoError('INVALID', `No resources specified in ${origin}`)
    }
    const { v3, problems } = convertAll(documents, !options.ignoreValidation)
    if (problems.length > 0) return { errors: problems }
    const whole = v3.length === 1 ? v3[0] : v3
    if (options.output === 'json') return { blocks: [{ kind: 'json', value: whole }] }
    return { blocks: [{ kind: 'text', text: toYaml(whole) }] }
  },
})
