// Long on purpose: one row per command.
import type { Entry } from '../cli/argv.ts'
import type { Command } from '../cli/command.ts'

const entry = (path: string, summary: string, load: () => Promise<Command>): Entry => ({ path, summary, load })
/** Another name of a command. */
const alias = (path: string, load: () => Promise<Command>): Entry => ({ path, summary: '', load, alias: true })

/** Commands under one heading of the help. */
const section = (heading: string, entries: readonly Entry[]): Entry[] => entries.map((one) => ({ ...one, heading }))

/** Every command, in the order of the help. A module is read when its command is run. */
export const ENTRIES: readonly Entry[] = [
  ...section('Resources', [
    entry('get', 'Show resources', async () => (await import('./resource/get.ts')).command),
    entry('create', 'Create resources from a file', async () => (await import('./resource/create.ts')).command),
    entry(
      'apply',
      'Create or replace resources from a file',
      async () => (await import('./resource/apply.ts')).command,
    ),
    entry('replace', 'Replace resources from a file', async () => (await import('./resource/replace.ts')).command),
    entry(
      'delete',
      'Delete resources by name or from a file',
      async () => (await import('./resource/delete.ts')).command,
    ),
    entry('patch', 'Change fields of a resource', async () => (await import('./resource/patch.ts')).command),
    entry('label', 'Set or take away a label of a resource', async () => (await import('./resource/label.ts')).command),
    entry('validate', 'Check a file without a datastore', async () => (await import('./resource/validate.ts')).command),
    entry(
      'convert',
      'Turn documents of Calico 1 and 2 into v3 resources',
      async () => (await import('./resource/convert.ts')).command,
    ),
    entry('diff', 'Show what apply would change', async () => (await import('./resource/diff.ts')).command),
    entry(
      'explain',
      'Describe a kind of resource and its fields',
      async () => (await import('./resource/explain.ts')).command,
    ),
  ]),
  ...section('Policy', [
    entry(
      'trace',
      'Tell whether a connection is allowed, and what decides',
      async () => (await import('./policy/trace.ts')).command,
    ),
    entry(
      'preview',
      'Tell which connections a file would cut or open',
      async () => (await import('./policy/preview.ts')).command,
    ),
  ]),
  ...section('This host', [
    entry('node run', 'Start calico/node on this host', async () => (await import('./node/run.ts')).command),
    alias('node', async () => (await import('./node/run.ts')).command),
    entry(
      'node status',
      'Show whether Calico runs here, and its BGP sessions',
      async () => (await import('./node/status.ts')).command,
    ),
    alias('status', async () => (await import('./node/status.ts')).documentsCommand),
    entry('node stop', 'Stop calico/node on this host', async () => (await import('./node/stop.ts')).command),
    entry(
      'node cleanup',
      'Take everything of Calico out of this host',
      async () => (await import('./node/cleanup.ts')).command,
    ),
    entry(
      'node remove',
      'Delete a node and what is its own from the datastore',
      async () => (await import('./node/remove.ts')).command,
    ),
    entry('node show', 'List the nodes with their addresses', async () => (await import('./node/show.ts')).command),
    entry(
      'node diags',
      'Collect what helps to find a fault on this host',
      async () => (await import('./node/diags.ts')).command,
    ),
    alias('diags', async () => (await import('./node/diags.ts')).command),
    entry(
      'node checksystem',
      'Check whether this host can run Calico',
      async () => (await import('./node/checksystem.ts')).command,
    ),
    alias('checksystem', async () => (await import('./node/checksystem.ts')).command),
    entry('node bgp peer add', 'Add a BGP peer of this host', async () => (await import('./bgp/peer.ts')).nodePeer.add),
    entry(
      'node bgp peer remove',
      'Remove a BGP peer of this host',
      async () => (await import('./bgp/peer.ts')).nodePeer.remove,
    ),
    entry(
      'node bgp peer show',
      'Show the BGP peers of this host',
      async () => (await import('./bgp/peer.ts')).nodePeer.show,
    ),
  ]),
  ...section('Containers of this host', [
    entry(
      'container add',
      'Connect a container of this host',
      async () => (await import('./container/add.ts')).command,
    ),
    entry(
      'container remove',
      'Disconnect a container of this host',
      async () => (await import('./container/remove.ts')).command,
    ),
    entry('container show', 'Show endpoints of this host', async () => (await import('./container/show.ts')).command),
    entry(
      'container ip add',
      'Give a container one more address',
      async () => (await import('./container/ip.ts')).addCommand,
    ),
    entry(
      'container ip remove',
      'Take an address from a container',
      async () => (await import('./container/ip.ts')).removeCommand,
    ),
    entry(
      'container endpoint show',
      'Show the endpoints of a container',
      async () => (await import('./container/show.ts')).endpointCommand,
    ),
    entry(
      'container profile set',
      'Replace the profiles of a container',
      async () => (await import('./container/profile.ts')).setCommand,
    ),
    entry(
      'container profile append',
      'Add profiles to a container',
      async () => (await import('./container/profile.ts')).appendCommand,
    ),
    entry(
      'container profile remove',
      'Take profiles from a container',
      async () => (await import('./container/profile.ts')).removeCommand,
    ),
  ]),
  ...section('Profiles and endpoints of the cluster', [
    entry('profile add', 'Create a profile', async () => (await import('./profile/add.ts')).command),
    entry('profile remove', 'Delete a profile', async () => (await import('./profile/remove.ts')).command),
    entry('profile show', 'List profiles', async () => (await import('./profile/show.ts')).command),
    entry('profile tag show', 'List the tags of a profile', async () => (await import('./profile/tag.ts')).showCommand),
    entry('profile tag add', 'Add a tag to a profile', async () => (await import('./profile/tag.ts')).addCommand),
    entry(
      'profile tag remove',
      'Take a tag from a profile',
      async () => (await import('./profile/tag.ts')).removeCommand,
    ),
    entry(
      'profile rule show',
      'List the rules of a profile',
      async () => (await import('./profile/rule.ts')).showCommand,
    ),
    entry(
      'profile rule json',
      'Print the rules of a profile as JSON',
      async () => (await import('./profile/rule.ts')).jsonCommand,
    ),
    entry(
      'profile rule update',
      'Replace the rules of a profile by JSON',
      async () => (await import('./profile/rule.ts')).updateCommand,
    ),
    entry('profile rule add', 'Add a rule to a profile', async () => (await import('./profile/rule.ts')).addCommand),
    entry(
      'profile rule remove',
      'Take a rule from a profile',
      async () => (await import('./profile/rule.ts')).removeCommand,
    ),
    entry('endpoint show', 'Count or list endpoints', async () => (await import('./endpoint/show.ts')).command),
    entry(
      'endpoint profile show',
      'List the profiles of an endpoint',
      async () => (await import('./endpoint/profile.ts')).showCommand,
    ),
    entry(
      'endpoint profile set',
      'Replace the profiles of an endpoint',
      async () => (await import('./endpoint/profile.ts')).setCommand,
    ),
    entry(
      'endpoint profile append',
      'Add profiles to an endpoint',
      async () => (await import('./endpoint/profile.ts')).appendCommand,
    ),
    entry(
      'endpoint profile remove',
      'Take profiles from an endpoint',
      async () => (await import('./endpoint/profile.ts')).removeCommand,
    ),
  ]),
  ...section('Addresses', [
    entry('pool add', 'Add address pools', async () => (await import('./pool/pool.ts')).addCommand),
    entry(
      'pool range add',
      'Add the pools that make up a range',
      async () => (await import('./pool/pool.ts')).rangeCommand,
    ),
    entry('pool remove', 'Remove address pools', async () => (await import('./pool/pool.ts')).removeCommand),
    entry('pool show', 'List address pools', async () => (await import('./pool/pool.ts')).showCommand),
    entry('ipam show', 'Show how addresses are used', async () => (await import('./ipam/show.ts')).command),
    entry(
      'ipam check',
      'Compare allocations with what uses them',
      async () => (await import('./ipam/check.ts')).command,
    ),
    entry('ipam release', 'Free an address that nobody uses', async () => (await import('./ipam/release.ts')).command),
    entry('ipam split', 'Replace a pool by smaller ones', async () => (await import('./ipam/split.ts')).command),
    entry(
      'ipam configure',
      'Change settings of address management',
      async () => (await import('./ipam/configure.ts')).command,
    ),
    alias('ipam info', async () => (await import('./ipam/show.ts')).infoCommand),
  ]),
  ...section('BGP and settings of the cluster', [
    entry('bgp peer add', 'Add a BGP peer of every node', async () => (await import('./bgp/peer.ts')).globalPeer.add),
    entry(
      'bgp peer remove',
      'Remove a BGP peer of every node',
      async () => (await import('./bgp/peer.ts')).globalPeer.remove,
    ),
    entry(
      'bgp peer show',
      'Show the BGP peers of every node',
      async () => (await import('./bgp/peer.ts')).globalPeer.show,
    ),
    entry(
      'bgp node-mesh',
      'Show or switch the mesh between all nodes',
      async () => (await import('./bgp/defaults.ts')).meshCommand,
    ),
    entry(
      'bgp default-node-as',
      'Show or set the AS number of nodes',
      async () => (await import('./bgp/defaults.ts')).asNumberCommand,
    ),
    entry(
      'config felix',
      'Show or change a setting of Felix',
      async () => (await import('./config/config.ts')).felixCommand,
    ),
    entry('config bgp', 'Show or change a setting of BGP', async () => (await import('./config/config.ts')).bgpCommand),
    entry(
      'config node bgp',
      'Show or change a setting of BGP on one node',
      async () => (await import('./config/config.ts')).nodeBgpCommand,
    ),
  ]),
  ...section('The datastore and this program', [
    entry(
      'datastore migrate export',
      'Write everything to standard output',
      async () => (await import('./datastore/migrate.ts')).exportCommand,
    ),
    entry(
      'datastore migrate import',
      'Fill an empty datastore from an export',
      async () => (await import('./datastore/migrate.ts')).importCommand,
    ),
    entry(
      'datastore migrate lock',
      'Keep plugins from making changes',
      async () => (await import('./datastore/lock.ts')).lockCommand,
    ),
    entry(
      'datastore migrate unlock',
      'Let plugins make changes again',
      async () => (await import('./datastore/lock.ts')).unlockCommand,
    ),
    entry(
      'datastore roles',
      'Print the commands that make the roles of each component in etcd',
      async () => (await import('./datastore/roles.ts')).command,
    ),
    entry(
      'cluster diags',
      'Collect what helps to find a fault of the cluster',
      async () => (await import('./cluster/diags.ts')).command,
    ),
    entry(
      'version',
      'Show the versions of this program and of the cluster',
      async () => (await import('./system/version.ts')).command,
    ),
    entry(
      'completion',
      'Print a completion script for a shell',
      async () => (await import('./system/completion.ts')).command,
    ),
  ]),
]
