/** Manual pages in roff (man macros): one for the program and one for each command. Pure but for loading the commands. */
import type { Entry } from './argv.ts'
import type { Command } from './command.ts'
import { GLOBALS } from './help.ts'
import type { OptionSpec } from './option.ts'

const FILES: readonly (readonly [string, string])[] = [
  ['/etc/calico/calicoctl.cfg', 'Connection settings; without it they come from the environment.'],
]
const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['ETCD_ENDPOINTS', 'Addresses of the members of etcd, with commas in between.'],
  ['ETCD_USERNAME, ETCD_PASSWORD', 'Who asks.'],
  ['ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE', 'Files for TLS.'],
  ['NO_COLOR', 'When set, nothing is coloured.'],
]

/** Text that roff prints as it is: a line must not start with a control character, and a dash must stay one. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')

const titleOf = (path: string): string => ['calicoctl', ...path.split(' ').filter((word) => word !== '')].join('-')
const heading = (path: string): string => `.TH ${titleOf(path).toUpperCase()} 1 "" "calico-node" "calicoctl"`
const section = (name: string, ...lines: readonly string[]): string[] => [`.SH ${name}`, ...lines]
const definitions = (rows: readonly (readonly [string, string])[]): string[] =>
  rows.flatMap(([term, meaning]) => ['.TP', `.B ${escaped(term)}`, escaped(meaning)])
const optionRows = (options: readonly OptionSpec<unknown>[]): [string, string][] =>
  options.filter(({ hidden }) => !hidden).map(({ flags, help }) => [flags, help])
const page = (lines: readonly string[]): string => `${lines.join('\n')}\n`

function commandPage({ path, summary }: Entry, command: Command): string {
  const { args, details, usage = [path, ...args].join(' '), examples, options } = command
  const rows = optionRows(Object.values(options))
  return page([
    heading(path),
    ...section('NAME', `${escaped(titleOf(path))} \\- ${escaped(summary)}`),
    ...section('SYNOPSIS', `.B ${escaped(`calicoctl ${usage}`)}`, ...(rows.length > 0 ? ['[options]'] : [])),
    ...(details === undefined ? [] : section('DESCRIPTION', escaped(details))),
    ...(rows.length === 0 ? [] : section('OPTIONS', ...definitions(rows))),
    ...section('OPTIONS EVERYWHERE', ...definitions(GLOBALS)),
    ...section(
      'EXAMPLES',
      ...examples.flatMap(([line, meaning]) => ['.TP', escaped(meaning), '.EX', escaped(`calicoctl ${line}`), '.EE']),
    ),
    ...section('SEE ALSO', '.BR calicoctl (1)'),
  ])
}

function programPage(entries: readonly Entry[]): string {
  const groups = [...Map.groupBy(entries, ({ heading: name }) => name ?? 'Commands')]
  return page([
    heading(''),
    ...section('NAME', 'calicoctl \\- manages Calico networks and their policy'),
    ...section('SYNOPSIS', '.B calicoctl', '.I command', '[options]'),
    ...section(
      'DESCRIPTION',
      'Reads and writes the resources of a cluster in etcd, and looks after the node of this host.',
      'Results go to standard output, messages to standard error.',
    ),
    ...section(
      'COMMANDS',
      ...groups.flatMap(([name, members]) => [
        `.SS ${escaped(name)}`,
        ...members.flatMap(({ path, summary }) => ['.TP', `.BR ${escaped(titleOf(path))} (1)`, escaped(summary)]),
      ]),
    ),
    ...section('OPTIONS EVERYWHERE', ...definitions(GLOBALS)),
    ...section('EXIT STATUS', '0, or 1 for any error, unless the command says otherwise.'),
    ...section('ENVIRONMENT', ...definitions(ENVIRONMENT)),
    ...section('FILES', ...definitions(FILES)),
  ])
}

/** @returns File name (`calicoctl-node-run.1`) to text. */
export async function renderManPages(entries: readonly Entry[]): Promise<Map<string, string>> {
  const listed = entries.filter(({ alias }) => alias !== true)
  const pages = await Promise.all(
    listed.map(async (entry) => [`${titleOf(entry.path)}.1`, commandPage(entry, await entry.load())] as const),
  )
  return new Map([['calicoctl.1', programPage(listed)], ...pages])
}
