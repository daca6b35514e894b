import { etcdRoles, roleCommands, type EtcdRole } from '@calico-node/datastore'

/** The page about etcd roles, one section a component. */
export function renderEtcdRoles(): string {
  return [
    '# Roles in etcd',
    '',
    'With authentication enabled in etcd, each component needs a user whose role allows what the component does, and no',
    'more. These are the roles; `packages/datastore/src/roles.etcd.test.ts` holds each component to its own.',
    '',
    'Make them as root of etcd, with the `--endpoints`, `--user` and TLS flags of your cluster. Then make a user for each',
    'component and give it its role, for example `etcdctl user add felix` and `etcdctl user grant-role felix calico-felix`,',
    'and start the component with `ETCD_USERNAME` and `ETCD_PASSWORD`. One container runs startup, felix and confd with one',
    'user: give that user all three roles.',
    ...etcdRoles().flatMap(section),
    '',
  ].join('\n')
}

function section(role: EtcdRole): string[] {
  const commands = roleCommands(role).map((args) => `etcdctl ${args.join(' ')}`)
  return ['', `## ${role.component}`, '', `${role.component} ${role.summary}.`, '', '```sh', ...commands, '```']
}
