/**
 * Completion scripts. The script asks the program itself (`calicoctl completion --words ...`), so it never falls
 * behind the commands.
 */
import { CalicoError } from '@calico-node/core'
import { defineCommand } from '../../cli/command.ts'
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

export const command = defineCommand({
  args: ['<bash|zsh|fish>'],
  options: { words: hidden(list('--words <word>', 'what is typed so far')) },
  examples: [
    ['completion bash > /etc/bash_completion.d/calicoctl', 'for every user of bash'],
    ['completion fish > ~/.config/fish/completions/calicoctl.fish', 'for fish'],
  ],
  async run(_, [shell], { words }) {
    const script = SCRIPTS[shell]
    if (script === undefined)
      throw new CalicoError('INVALID', `No completion for shell "${shell}": want ${Object.keys(SCRIPTS).join(', ')}`)
    return { blocks: words.length === 0 ? [line(script)] : lines(...(await completeWords(words, ENTRIES))) }
  },
})
