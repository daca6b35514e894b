import { PARAM_SECTIONS, StartupParams } from './params.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

function defaultText(value: unknown): string {
  if (value === undefined) return ''
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

/** The table of environment variables as Markdown. */
export function renderEnvironmentReference(): string {
  const defaults: Readonly<Record<string, unknown>> = StartupParams.parse({})
  const sections = PARAM_SECTIONS.map(({ title, params }) => {
    const rows = Object.entries(params.shape).map(
      ([name, schema]) => `| ${name} | ${defaultText(defaults[name])} | ${cell(schema.description ?? '')} |`,
    )
    return `## ${title}\n\n| Variable | Default | Meaning |\n| --- | --- | --- |\n${rows.join('\n')}\n`
  })
  return (
    '# Environment of the node container\n\n' +
    '<!-- Generated from packages/startup/src/config/params.ts -->\n\n' +
    'Words are accepted in any case: true, yes, 1, y, t and false, no, 0, n, f. An empty variable counts as unset. ' +
    'Connection variables may also be written with the prefix `CALICO_`, which wins. ' +
    'Variables that begin with `FELIX_` set [parameters of Felix](felix-configuration.md). ' +
    'Others that begin with `CALICO_` or `FELIX_` are warned about, with the nearest name that is known.\n\n' +
    sections.join('\n')
  )
}
