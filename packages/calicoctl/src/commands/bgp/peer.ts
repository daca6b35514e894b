import { CalicoError } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { makeResource, parseAsNumber, parseIp, type BGPPeerResource, type Ip } from '@calico-node/model'
import { defineCommand, type Command } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, text } from '../../cli/option.ts'
import { globalPeerName, nodePeerName } from '../../documents/names.ts'
import { localNodeName } from '../../host/node-name.ts'
import { line, type Block } from '../../output/block.ts'
import { createResource } from '../../resources/operations.ts'
import { StoreView } from '../../resources/store-view.ts'
import { writableClient } from '../../resources/session.ts'

/** Peers of every node, or of one. */
type Scope = { readonly kind: 'global' } | { readonly kind: 'node'; readonly node: string }

const peerName = (scope: Scope, ip: Ip): string =>
  scope.kind === 'global' ? globalPeerName(ip) : nodePeerName(scope.node, ip)

const inScope = (scope: Scope, { spec }: BGPPeerResource): boolean =>
  scope.kind === 'node' ? spec.node === scope.node : spec.node === undefined && spec.nodeSelector === undefined

async function addPeer(client: CalicoClient, scope: Scope, ip: Ip, asText: string): Promise<void> {
  const asNumber = parseAsNumber(asText)
  await createResource(
    new StoreView(client),
    makeResource(
      'BGPPeer',
      { name: peerName(scope, ip) },
      {
        peerIP: ip,
        asNumber,
        ...(scope.kind === 'node' && { node: scope.node }),
      },
    ),
  )
}

async function removePeer(client: CalicoClient, scope: Scope, ip: Ip): Promise<void> {
  const peers = (await client.resources('BGPPeer').list()).filter(
    (peer) => inScope(scope, peer) && peer.spec.peerIP === String(ip),
  )
  if (peers.length === 0)
    throw new CalicoError(
      'NOT_FOUND',
      `No BGP peer ${ip} ${scope.kind === 'node' ? `of node ${scope.node}` : 'for all nodes'}`,
    )
  for (const { metadata } of peers) await client.resources('BGPPeer').delete(metadata.name)
}

function peerTables(scope: Scope, peers: readonly BGPPeerResource[], versions: readonly (4 | 6)[]): Block[] {
  const title = scope.kind === 'global' ? 'Global' : 'Node specific'
  return versions.flatMap((version): Block[] => {
    const family = peers.filter(({ spec }) => spec.peerIP !== undefined && /:.*:/.test(spec.peerIP) === (version === 6))
    if (family.length === 0) return [line(`No ${title.toLowerCase()} IPv${version} BGP Peers defined.`)]
    const rows = family.map(({ spec }) => [spec.peerIP ?? '', spec.asNumber === undefined ? '' : String(spec.asNumber)])
    return [{ kind: 'grid', columns: [`${title} IPv${version} BGP Peer`, 'AS Num'], rows }]
  })
}

/** `as` stands between address and number: `add 10.0.0.1 as 64512`. */
function checkAsWord(word: string): void {
  if (word !== 'as') throw new CalicoError('INVALID', `"${word}" stands where "as" is wanted: add ADDRESS as NUMBER`)
}

function peerCommands(
  prefix: string,
  scopeOf: (context: Context, node: string | undefined) => Scope,
): Readonly<Record<'add' | 'remove' | 'show', Command>> {
  const ofNode = prefix.startsWith('node')
  const options = ofNode
    ? { node: text('--node <node>', 'another node than this host') }
    : { node: { ...text('--node', ''), hidden: true } }
  return {
    add: defineCommand({
      args: ['<ip>', '<as>', '<number>'],
      options,
      usage: `${prefix} add <ip> as <number>`,
      examples: [[`${prefix} add 10.0.0.254 as 65001`, ofNode ? 'a peer of this host' : 'a peer of every node']],
      async run(context, [typed, word, number], { node }) {
        checkAsWord(word)
        const ip = parseIp(typed)
        const scope = scopeOf(context, node)
        await addPeer(await writableClient(context), scope, ip, number)
        return { blocks: [line(`BGP peer ${ip} added`)] }
      },
    }),
    remove: defineCommand({
      args: ['<ip>'],
      options,
      examples: [[`${prefix} remove 10.0.0.254`, 'end the peering']],
      async run(context, [typed], { node }) {
        const ip = parseIp(typed)
        await removePeer(await writableClient(context), scopeOf(context, node), ip)
        return { blocks: [line(`BGP peer ${ip} removed`)] }
      },
    }),
    show: defineCommand({
      args: [],
      options: { ...options, ipv4: flag('--ipv4', 'IPv4 only'), ipv6: flag('--ipv6', 'IPv6 only') },
      examples: [[`${prefix} show`, 'what is configured; sessions are shown by "node status"']],
      async run(context, _, { node, ipv4, ipv6 }) {
        const scope = scopeOf(context, node)
        const peers = (await (await context.client()).resources('BGPPeer').list()).filter((peer) =>
          inScope(scope, peer),
        )
        const versions = ([4, 6] as const).filter((version) => ipv4 === ipv6 || (version === 4 ? ipv4 : ipv6))
        return { blocks: peerTables(scope, peers, versions) }
      },
    }),
  }
}

export const globalPeer = peerCommands('bgp peer', () => ({ kind: 'global' }))
export const nodePeer = peerCommands('node bgp peer', ({ env }, node) => ({
  kind: 'node',
  node: node ?? localNodeName(env),
}))
