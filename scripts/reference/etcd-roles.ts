import { etcdRoles, roleCommands, type EtcdRole } from '@calico-node/datastore'

/** The page about etcd roles, one section a component. */
export function renderEtcdRoles(): string {
  return [
    '# Roles in etcd',
    '',
    'With authentication enabled in etcd, each component needs a user whose role allows what the component does, and no',
    'more. `calicoctl datastore roles` prints the commands below; run them as root of etcd, for example',
    '',
    '```sh',
    'export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=http://10.0.0.1:2379 ETCDCTL_USER=root:secret',
    'calicoctl datastore roles | sh',
    'etcdctl user add felix:its-password && etcdctl user grant-role felix calico-felix',
    '```',
    '',
    'A component takes its user from `ETCD_USERNAME` and `ETCD_PASSWORD`. One container runs startup, felix, confd and',
    'node-services with one user: give that user the roles of startup, felix and confd. Running the commands again adds',
    'what an upgrade needs; that a role exists already is no harm then.',
    '',
    '`packages/datastore/src/roles.etcd.test.ts` holds the calls of each component to its role, and',
    '`test/store/roles.test.ts` runs the programs, each with a user of its own.',
    ...etcdRoles().flatMap(section),
    '',
  ].join('\n')
}

function section(role: EtcdRole): string[] {
  const commands = roleCommands(role).map((args) => `etcdctl ${args.join(' ')}`)
  return ['', `## ${role.component}`, '', `${role.component} ${role.summary}.`, '', '```sh', ...commands, '```']
}
