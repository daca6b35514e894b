/**
 * Completion scripts. The script asks the program itself (`calicoctl completion --words ...`), so it never falls
 * behind the commands.
 */
import { CalicoError, sleep } from '@calico-node/core'
import { defineCommand } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { hidden, list } from '../../cli/option.ts'
import { completeWords } from '../../cli/complete.ts'
import { line, lines } from '../../output/block.ts'
import { ENTRIES } from '../registry.ts'

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_calicoctl() {
  local IFS=$'\\n' words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=($(calicoctl completion bash "\${words[@]/#/--words=}" 2>/dev/null))
}
complete -o default -F _calicoctl calicoctl`,
  zsh: `#compdef calicoctl
_calicoctl() {
  local -a found
  found=("\${(@f)$(calicoctl completion zsh "\${(@)words[2,CURRENT]/#/--words=}" 2>/dev/null)}")
  compadd -- $found
}
compdef _calicoctl calicoctl`,
  fish: `function __calicoctl
  set -l words (commandline -opc)[2..-1] (commandline -ct)
  calicoctl completion fish --words=$words 2>/dev/null
end
complete -c calicoctl -f -a '(__calicoctl)'`,
}

/** Nobody waits for completion longer than this, in milliseconds. */
const PATIENCE_MS = 1000

/** Names of stored resources, of all namespaces; none when they cannot be had at once. */
async function namesOf(context: Context, word: string): Promise<readonly string[]> {
  const { findKind } = await import('@calico-node/model')
  const kind = findKind(word)
  if (kind === undefined) return []
  const listed = context.client().then((client) => client.resources(kind).list())
  const names = listed.then((resources) => resources.map(({ metadata }) => metadata.name)).catch(() => [])
  const answered = new AbortController()
  const patience = sleep(PATIENCE_MS, answered.signal).then(() => [])
  return Promise.race([names, patience]).finally(() => answered.abort())
}

export const command = defineCommand({
  args: ['<bash|zsh|fish>'],
  options: { words: hidden(list('--words <word>', 'what is typed so far')) },
  examples: [
    ['completion bash > /etc/bash_completion.d/calicoctl', 'for every user of bash'],
    ['completion fish > ~/.config/fish/completions/calicoctl.fish', 'for fish'],
  ],
  async run(context, [shell], { words }) {
    const script = SCRIPTS[shell]
    if (script === undefined)
      throw new CalicoError('INVALID', `No completion for shell "${shell}": want ${Object.keys(SCRIPTS).join(', ')}`)
    return {
      blocks:
        words.length === 0
          ? [line(script)]
          : lines(...(await completeWords(words, ENTRIES, (kind) => namesOf(context, kind)))),
    }
  },
})
