import { CalicoError, messageOf } from '@calico-node/core'
import { parseResource } from '@calico-node/model'
import { load } from 'js-yaml'
import { defineCommand } from '../../cli/command.ts'
import { oneOf, text } from '../../cli/option.ts'
import { line } from '../../output/block.ts'
import { namedError } from '../../resources/errors.ts'
import { parseKind } from '../../resources/kinds.ts'
import { mergePatch } from '../../resources/merge.ts'
import { namespaceOfOne } from '../../resources/namespace.ts'
import { writableClient } from '../../resources/session.ts'

/** JSON or YAML of an object. */
function parsePatch(typed: string): unknown {
  try {
    const patch: unknown = load(typed)
    if (typeof patch === 'object' && patch !== null && !Array.isArray(patch)) return patch
  } catch (err) {
    throw new CalicoError('INVALID', `Cannot read the patch: ${messageOf(err)}`, { cause: err })
  }
  throw new CalicoError(
    'INVALID',
    `Cannot read the patch "${typed}": want an object such as {"spec": {"natOutgoing": true}}`,
  )
}

export const command = defineCommand({
  args: ['<kind>', '<name>'],
  options: {
    namespace: text('-n, --namespace <namespace>', 'namespace of the resource (default "default")'),
    patch: text('-p, --patch <patch>', 'what to change, as JSON or YAML; null takes a field away'),
    type: oneOf('-t, --type <type>', 'accepted for old scripts', ['strategic', 'merge']),
  },
  details: 'Objects are merged field by field, lists are replaced whole.',
  examples: [['patch ippool default-ipv4-ippool -p \'{"spec": {"natOutgoing": false}}\'', 'change one field']],
  async run(context, [word, name], { namespace, patch }) {
    if (patch === undefined) throw new CalicoError('INVALID', 'Option -p is missing: say what to change, as JSON')
    const change = parsePatch(patch)
    const kind = parseKind(word)
    const where = namespaceOfOne(kind, undefined, { namespace, allNamespaces: false })
    const client = await writableClient(context)
    try {
      await client.resources(kind).modify(name, where, (stored) => parseResource(mergePatch(stored, change)))
    } catch (err) {
      return { errors: [`Hit error: ${await namedError(client, err, { kind, name, namespace: where })}`] }
    }
    return { blocks: [line(`Successfully patched 1 '${kind}' resource`)] }
  },
})
