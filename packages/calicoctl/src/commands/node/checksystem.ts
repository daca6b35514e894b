import { defineCommand } from '../../cli/command.ts'
import { flag, hidden, text } from '../../cli/option.ts'
import { requireRoot } from '../../documents/container.ts'
import { checkKernel, readKernel } from '../../host/system-check.ts'
import { line, lines } from '../../output/block.ts'

export const command = defineCommand({
  args: [],
  options: {
    kernelConfig: text(
      '-f, --kernel-config <file>',
      'configuration of the kernel, when it is not where it is looked for',
    ),
    runtime: hidden(text('--runtime <runtime>', 'accepted')),
    libnetwork: hidden(flag('--libnetwork', 'accepted')),
  },
  details: 'What is optional and missing is shown as SKIP: the features that need it will not work.',
  examples: [['node checksystem', 'before calico/node is started for the first time']],
  run(_, __, { kernelConfig }) {
    requireRoot()
    const results = checkKernel(readKernel(kernelConfig))
    const blocks = lines(
      'Checking kernel version and modules...',
      ...results.map(({ name, result, purpose }) => `  ${name.padEnd(24)} ${result.padEnd(5)} ${purpose}`),
    )
    const missing = results.filter(({ result }) => result === 'FAIL').map(({ name }) => name)
    if (missing.length > 0)
      return Promise.resolve({
        blocks,
        errors: [`System does not meet the requirements of Calico: ${missing.join(', ')}`],
      })
    return Promise.resolve({ blocks: [...blocks, line('System meets minimum system requirements to run Calico!')] })
  },
})
