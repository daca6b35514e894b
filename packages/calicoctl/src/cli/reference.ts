/** The reference of all commands as one page. Pure but for loading the commands. */
import type { Entry } from './argv.ts'
import type { Command } from './command.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (text: string): string => `\`${text}\``

function optionTable({ options }: Command): string {
  const shown = Object.values(options).filter(({ hidden }) => !hidden)
  if (shown.length === 0) return ''
  const rows = shown.map(({ flags, help }) => `| ${code(cell(flags))} | ${cell(help)} |`)
  return `| Option | Meaning |\n| --- | --- |\n${rows.join('\n')}\n\n`
}

async function section(entry: Entry): Promise<string> {
  const command = await entry.load()
  const usage = command.usage ?? [entry.path, ...command.args].join(' ')
  const examples = command.examples.map(([line, meaning]) => `# ${meaning}\ncalicoctl ${line}`).join('\n')
  const details = command.details === undefined ? '' : `${command.details}\n\n`
  return `## ${entry.path}\n\n${entry.summary}.\n\n\`calicoctl ${usage}\`\n\n${details}${optionTable(command)}\`\`\`sh\n${examples}\n\`\`\`\n`
}

export async function renderCliReference(entries: readonly Entry[]): Promise<string> {
  const listed = entries.filter(({ alias }) => alias !== true)
  const sections = await Promise.all(listed.map(section))
  return (
    '# calicoctl\n\n<!-- Generated from packages/calicoctl/src/commands -->\n\n' +
    'Every command also takes `-c, --config <file>` (connection settings; default /etc/calico/calicoctl.cfg, else the environment), ' +
    '`-l, --log-level <level>`, `--allow-version-mismatch` and `--help`. ' +
    'Results go to standard output, messages to standard error. The exit status is 0, or 1 for any error, unless the command says otherwise.\n\n' +
    sections.join('\n')
  )
}
