import { CalicoError } from '@calico-node/core'
import { etcdRoles, roleCommands } from '@calico-node/datastore'
import { defineCommand } from '../../cli/command.ts'
import { lines } from '../../output/block.ts'

export const command = defineCommand({
  args: ['[component...]'],
  options: {},
  details:
    'Prints one etcdctl command a line and changes nothing. Run them as root of etcd: each component gets a role ' +
    '"calico-COMPONENT" that allows what it does and no more. Running them again adds what an upgrade needs. ' +
    'The reference page about roles says how users get them.',
  examples: [
    ['datastore roles', 'the commands for all components'],
    ['datastore roles felix confd | ETCDCTL_USER=root:secret sh', 'make two roles'],
  ],
  async run(_context, [components]) {
    const roles = etcdRoles()
    const names = roles.map(({ component }) => component)
    const unknown = components.find((component) => !names.some((name) => name === component))
    if (unknown !== undefined)
      throw new CalicoError('INVALID', `There is no component ${unknown}: want ${names.join(', ')}`)
    const wanted = roles.filter(({ component }) => components.length === 0 || components.includes(component))
    return { blocks: lines(...wanted.flatMap(roleCommands).map((args) => `etcdctl ${args.join(' ')}`)) }
  },
})
