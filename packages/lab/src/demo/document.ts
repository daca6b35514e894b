/** Reads the commands out of docs/lifecycle.md: sections `## N. Title`, console blocks, lines `HOST# COMMAND`. */

export interface Command {
  readonly host: string
  readonly text: string
}

export interface Section {
  readonly number: number
  readonly title: string
  readonly commands: readonly Command[]
}

export function parseLifecycle(markdown: string): Section[] {
  const sections: { number: number; title: string; commands: Command[] }[] = []
  let inConsole = false
  for (const line of markdown.split('\n')) {
    const heading = /^## (\d+)\. (.+)$/.exec(line)
    if (heading !== null) sections.push({ number: Number(heading[1]), title: heading[2] ?? '', commands: [] })
    if (line.startsWith('```')) inConsole = line === '```console'
    const command = inConsole ? /^(\w+)# (.+)$/.exec(line) : null
    if (command !== null) sections.at(-1)?.commands.push({ host: command[1] ?? '', text: command[2] ?? '' })
  }
  return sections
}
