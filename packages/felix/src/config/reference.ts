/** The parameter table as the reference documentation. */
import { type Param, PARAMS } from './params.ts'
import { envName, fieldName } from './resolve.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (text: string): string => (text === '' ? '' : `\`${cell(text)}\``)

/** Markdown, ready to be written to a file. */
export function renderFelixReference(): string {
  const table: [string, Param<unknown>][] = Object.entries(PARAMS)
  const working = table.filter(([, param]) => param.not === undefined)
  const idle = table.filter(([, param]) => param.not !== undefined)
  return [
    '# Parameters of Felix',
    '',
    'Generated from the parameter table; do not edit.',
    '',
    'The first source that sets a parameter decides: the environment (`FELIX_` and the name, in any case), the file',
    '`/etc/calico/felix.cfg` (INI), the FelixConfiguration `node.<name>`, the FelixConfiguration `default`, and last',
    'the default below. In the environment and the file durations are plain seconds, and `none` sets the zero value; in a',
    'FelixConfiguration they are texts such as `1m30s`. An annotation `config.projectcalico.org/<name>` of a',
    'FelixConfiguration overrides its field.',
    '',
    'A bad value is reported and the default used; parameters marked **stops** keep Felix from starting instead. A',
    'change takes effect at once where **live** is noted; otherwise Felix exits with status 129 and is started again,',
    'and nothing in the kernel changes meanwhile.',
    '',
    '| Name | Field | Type | Default | Notes | Meaning |',
    '|---|---|---|---|---|---|',
    ...working.map(row),
    '',
    '## Accepted without effect',
    '',
    '| Name | Field | Why |',
    '|---|---|---|',
    ...idle.map(
      ([key, param]) =>
        `| ${code(envName(key, param))} | ${code(fieldName(key, param) ?? '')} | ${cell(param.not ?? '')} |`,
    ),
    '',
  ].join('\n')
}

function row([key, param]: [string, Param<unknown>]): string {
  const notes = [param.local && 'local', param.die && 'stops', param.live && 'live', param.nonZero && 'not none']
  const cells = [
    code(envName(key, param)),
    code(fieldName(key, param) ?? ''),
    cell(param.type.name),
    code(param.type.print(param.default)),
    notes.filter((note) => typeof note === 'string').join(', '),
    cell(param.doc),
  ]
  return `| ${cells.join(' | ')} |`
}
