import { defineCommand } from '../../cli/command.ts'

export const command = defineCommand({
  args: [],
  options: {},
  examples: [['node show', 'every node with its addresses and AS number']],
  async run(context) {
    const client = await context.client()
    const config = await client.resources('BGPConfiguration').find('default')
    const inherited = `${config?.spec.asNumber ?? 64512} (inherited)`
    const rows = (await client.resources('Node').list()).map(({ metadata, spec: { bgp } }) => [
      metadata.name,
      bgp?.ipv4Address ?? '',
      bgp?.ipv6Address ?? '',
      bgp?.asNumber === undefined ? inherited : String(bgp.asNumber),
    ])
    return { blocks: [{ kind: 'grid', columns: ['Hostname', 'Bird IPv4', 'Bird IPv6', 'AS Num'], rows }] }
  },
})
