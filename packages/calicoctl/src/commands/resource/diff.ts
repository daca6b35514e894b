import { hasCode } from '@calico-node/core'
import type { AnyResource } from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { line, type Block } from '../../output/block.ts'
import { diffLines, type DiffLine } from '../../output/diff.ts'
import { toYaml } from '../../output/yaml.ts'
import { readResources } from '../../resources/input.ts'
import { idOf } from '../../resources/kinds.ts'
import { fileOptions } from './options.ts'

/** What a user decides about a resource: the rest of its metadata is not compared. */
function comparable({ metadata, spec }: AnyResource): string {
  const { labels, annotations } = metadata
  return toYaml({
    metadata: { ...(labels !== undefined && { labels }), ...(annotations !== undefined && { annotations }) },
    spec,
  })
}

const COLOURS: Readonly<Record<DiffLine['sign'], string>> = { '+': '\u001b[32m', '-': '\u001b[31m', ' ': '' }

function painted({ sign, text }: DiffLine, colours: boolean): Block {
  const colour = colours ? COLOURS[sign] : ''
  return line(`${colour}${sign} ${text}${colour === '' ? '' : '\u001b[0m'}`)
}

export const command = defineCommand({
  args: [],
  options: fileOptions,
  details: 'Exit status: 0 when nothing would change, 1 when something would or there is an error.',
  examples: [['diff -f policy.yaml', 'see what "apply -f policy.yaml" would change']],
  async run(context, _, input) {
    const typed = await readResources(context, input)
    const client = await context.client()
    const blocks: Block[] = []
    for (const { resource } of typed) {
      const {
        kind,
        metadata: { name, namespace },
      } = resource
      const stored = await client
        .resources(kind)
        .find(name, namespace)
        .catch((err: unknown) => {
          if (hasCode(err, 'INVALID')) return undefined
          throw err
        })
      const changes = diffLines(stored === undefined ? '' : comparable(stored), comparable(resource))
      if (changes.length === 0) continue
      blocks.push(line(`${idOf(kind, name, namespace)}${stored === undefined ? ' would be created' : ''}`))
      blocks.push(...changes.map((change) => painted(change, context.colours)))
    }
    return { blocks, exitCode: blocks.length > 0 ? 1 : 0 }
  },
})
