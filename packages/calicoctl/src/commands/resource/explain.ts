import { CalicoError, nearestName } from '@calico-node/core'
import { describeKind, kindInfo, type FieldDescription } from '@calico-node/model'
import { wrap } from '../../cli/help.ts'
import { defineCommand } from '../../cli/command.ts'
import { lines } from '../../output/block.ts'
import { parseKind } from '../../resources/kinds.ts'

/**
 * Follows a path such as `spec.ingress.action`; indexes of lists are skipped over. @throws INVALID with the nearest
 * name
 */
function findField(fields: readonly FieldDescription[], path: readonly string[], at: string): FieldDescription {
  const [name = '', ...rest] = path
  const field = fields.find((one) => one.name === name)
  if (field === undefined) {
    const inSpec = fields.find((one) => one.name === 'spec')?.fields ?? []
    const near = nearestName(
      name,
      [...fields, ...inSpec].map((one) => one.name),
    )
    const hint =
      near === undefined ? `there are ${fields.map((one) => one.name).join(', ')}` : `did you mean "${near}"?`
    throw new CalicoError('INVALID', `${at} has no field "${name}": ${hint}`)
  }
  return rest.length === 0 ? field : findField(field.fields, rest, `${at}.${name}`)
}

/** The path as it was meant: `ippool.cidr` means `ippool.spec.cidr`, since nearly all that users write is in the spec. */
function fullPath(fields: readonly FieldDescription[], [first = '', ...rest]: readonly string[]): string[] {
  const within = (list: readonly FieldDescription[], name: string): FieldDescription | undefined =>
    list.find((field) => field.name === name)
  const meansSpec =
    within(fields, first) === undefined && within(within(fields, 'spec')?.fields ?? [], first) !== undefined
  return meansSpec ? ['spec', first, ...rest] : [first, ...rest]
}

const facts = ({ type, required, rule, fallback }: FieldDescription): string =>
  [
    type,
    ...(required ? ['required'] : []),
    ...(rule === undefined ? [] : [rule]),
    ...(fallback === undefined ? [] : [`default ${fallback}`]),
  ].join('; ')

const indented = (text: string, indent: string): string[] => wrap(text, 80 - indent.length).map((line) => indent + line)

const listed = (fields: readonly FieldDescription[]): string[] =>
  fields.flatMap((field) => [
    `  ${field.name}`,
    ...indented(`<${facts(field)}>`, '      '),
    ...indented(field.description, '      '),
  ])

export const command = defineCommand({
  args: ['<kind>'],
  options: {},
  usage: 'explain <kind>[.<field>...]',
  examples: [
    ['explain ippool', 'what an address pool is made of'],
    ['explain gnp.spec.ingress.action', 'one field'],
    ['explain ippool.cidr', '"spec." may be left out'],
  ],
  run(_, [typed]) {
    const [word = '', ...typedPath] = typed.split('.').map((part) => part.replace(/\[\d*\]$/, ''))
    const kind = parseKind(word)
    const { namespaced, summary } = kindInfo(kind)
    const fields = describeKind(kind)
    const head = [
      `KIND:     ${kind}`,
      'VERSION:  projectcalico.org/v3',
      `SCOPE:    ${namespaced ? 'namespace' : 'cluster'}`,
      '',
    ]
    if (typedPath.length === 0)
      return Promise.resolve({ blocks: lines(...head, ...wrap(summary, 80), '', 'FIELDS:', ...listed(fields)) })
    const path = fullPath(fields, typedPath)
    const field = findField(fields, path, kind)
    const inner = field.fields.length === 0 ? [] : ['', 'FIELDS:', ...listed(field.fields)]
    return Promise.resolve({
      blocks: lines(
        ...head,
        `FIELD:    ${path.join('.')}`,
        ...indented(`<${facts(field)}>`, '          '),
        '',
        ...wrap(field.description, 80),
        ...inner,
      ),
    })
  },
})
