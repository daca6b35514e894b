import { CalicoError } from '@calico-node/core'
import { defineCommand } from '../../cli/command.ts'
import { flag, text } from '../../cli/option.ts'
import { line } from '../../output/block.ts'
import { parseKind } from '../../resources/kinds.ts'
import { namespaceOfOne } from '../../resources/namespace.ts'
import { namedError } from '../../resources/errors.ts'
import { writableClient } from '../../resources/session.ts'

interface LabelChange {
  readonly key: string
  readonly value: string | undefined
}

function parseLabel(typed: string, remove: boolean): LabelChange {
  const at = typed.indexOf('=')
  if (remove) return { key: at === -1 ? typed : typed.slice(0, at), value: undefined }
  if (at <= 0) throw new CalicoError('INVALID', `invalid label ${typed}: want KEY=VALUE, or KEY with --remove`)
  return { key: typed.slice(0, at), value: typed.slice(at + 1) }
}

type Labels = Readonly<Record<string, string>>

/** The labels after the change; a key with another value is only replaced when that was asked for. */
function changed(labels: Labels, { key, value }: LabelChange, overwrite: boolean, what: string): Labels {
  const before = Object.hasOwn(labels, key) ? labels[key] : undefined
  if (value === undefined) {
    if (before === undefined)
      throw new CalicoError('INVALID', `can not remove label of ${what}, key ${key} does not exist`)
    return Object.fromEntries(Object.entries(labels).filter(([name]) => name !== key))
  }
  if (before !== undefined && before !== value && !overwrite) {
    throw new CalicoError(
      'INVALID',
      `failed to update label of ${what}, key ${key} is already present. please use '--overwrite' to set a new value.`,
    )
  }
  return { ...labels, [key]: value }
}

export const command = defineCommand({
  args: ['<kind>', '<name>', '<label>'],
  options: {
    namespace: text('-n, --namespace <namespace>', 'namespace of the resource (default "default")'),
    overwrite: flag('--overwrite', 'replace another value of the label'),
    remove: flag('--remove', 'take the label away'),
  },
  examples: [
    ['label node host-a rack=r1', 'set a label'],
    ['label node host-a rack=r2 --overwrite', 'set another value'],
    ['label node host-a rack --remove', 'take it away'],
  ],
  async run(context, [word, name, typed], { namespace, overwrite, remove }) {
    const kind = parseKind(word)
    const where = namespaceOfOne(kind, undefined, { namespace, allNamespaces: false })
    const change = parseLabel(typed, remove)
    const what = `${word} ${name}`
    const client = await writableClient(context)
    let replaced = false
    try {
      await client.resources(kind).modify(name, where, (stored) => {
        const { labels = {} } = stored.metadata
        replaced = Object.hasOwn(labels, change.key) && labels[change.key] !== change.value
        return { ...stored, metadata: { ...stored.metadata, labels: changed(labels, change, overwrite, what) } }
      })
    } catch (err) {
      const isLabelError = err instanceof CalicoError && err.code === 'INVALID'
      return { errors: [isLabelError ? err.message : await namedError(client, err, { kind, name, namespace: where })] }
    }
    const verb = remove ? 'removed' : replaced ? 'updated' : 'set'
    return { blocks: [line(`Successfully ${verb} label ${change.key} ${remove ? 'from' : 'on'} ${what}`)] }
  },
})
