/** The pages about resources, and their JSON Schema files, from the tables of the model. */
import {
  ALL_KINDS,
  describeKind,
  jsonSchemaOf,
  kindInfo,
  resourcePrefix,
  type FieldDescription,
  type Kind,
} from '@calico-node/model'

/** Text of each file, by its path below docs/reference. */
export function resourcePages(): Map<string, string> {
  const pages = new Map([['resources/README.md', index()]])
  for (const kind of ALL_KINDS) {
    pages.set(`resources/${kind.toLowerCase()}.md`, page(kind))
    pages.set(`schemas/${kind.toLowerCase()}.json`, `${JSON.stringify(jsonSchemaOf(kind), null, 2)}\n`)
  }
  return pages
}

function index(): string {
  const rows = ALL_KINDS.map((kind) => {
    const { summary, namespaced, aliases } = kindInfo(kind)
    const words = aliases.map((word) => `\`${word}\``).join(' ')
    return `| [${kind}](${kind.toLowerCase()}.md) | ${namespaced ? 'yes' : 'no'} | ${words} | ${summary} |`
  })
  return lines(
    '# Resources',
    '',
    '<!-- Generated from packages/model/src/kinds -->',
    '',
    'What `calicoctl` reads and writes. Each kind has a JSON Schema in [../schemas](../schemas) for editors.',
    '',
    '| Kind | In a namespace | Words for it | What it is |',
    '|---|---|---|---|',
    ...rows,
  )
}

function page(kind: Kind): string {
  const { summary, namespaced } = kindInfo(kind)
  const key = `${resourcePrefix(kind)}${namespaced ? '<namespace>/' : ''}<name>`
  const spec = describeKind(kind).find(({ name }) => name === 'spec')
  return lines(
    `# ${kind}`,
    '',
    '<!-- Generated from packages/model/src/kinds -->',
    '',
    summary,
    '',
    `Stored under \`${key}\`. JSON Schema: [${kind.toLowerCase()}.json](../schemas/${kind.toLowerCase()}.json).`,
    ...sections('spec', spec?.fields ?? [], new Map()),
  )
}

/** A table of the fields, then one for each object among them; objects with the same fields are described once. */
function sections(path: string, fields: readonly FieldDescription[], seen: Map<string, string>): string[] {
  if (fields.length === 0) return []
  const same = JSON.stringify(fields)
  const known = seen.get(same)
  if (known !== undefined) return ['', `## ${path}`, '', `As [${known}](#${anchor(known)}).`]
  seen.set(same, path)
  return [
    '',
    `## ${path}`,
    '',
    '| Field | Type | Default | Rule | Description |',
    '|---|---|---|---|---|',
    ...fields.map(row),
    ...fields.flatMap((field) =>
      sections(`${path}.${field.name}${field.type.startsWith('list') ? '[]' : ''}`, field.fields, seen),
    ),
  ]
}

function row({ name, type, required, fallback = '', rule = '', description }: FieldDescription): string {
  const standard = required ? '**required**' : cell(fallback)
  return `| \`${name}\` | ${cell(type)} | ${standard} | ${cell(rule)} | ${cell(description)} |`
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('*', '\\*')
const anchor = (heading: string): string => heading.toLowerCase().replaceAll(/[^a-z0-9 -]/g, '')
const lines = (...text: string[]): string => `${text.join('\n')}\n`
