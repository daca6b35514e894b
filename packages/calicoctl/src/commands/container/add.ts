import { hasCode } from '@calico-node/core'
import { addWorkload, parseAddressWish } from '@calico-node/workload'
import { defineCommand } from '../../cli/command.ts'
import { textOr } from '../../cli/option.ts'
import { gatewayKind, localTarget, requireRoot, workloadContext } from '../../documents/container.ts'
import { lines } from '../../output/block.ts'

export const command = defineCommand({
  args: ['<container>', '[ip]'],
  options: { interface: textOr('--interface <name>', 'name of the interface in the container', 'eth1') },
  details:
    'The container is a Docker name or id where an engine runs, else a network namespace by name; netns:NAME or an ' +
    'absolute path always mean a namespace. The address is one of a pool, the CIDR of a pool, ipv4 or ipv6; without it ' +
    'any IPv4 address is taken. All traffic is dropped until a profile or a policy allows it.',
  examples: [
    ['container add web', 'give a container an interface and an address'],
    ['container add web 192.168.1.1', 'the same with an address of your choice'],
    ['container add netns:red ipv6', 'a network namespace, with an IPv6 address'],
  ],
  async run(context, [name, typed], { interface: interfaceName }) {
    requireRoot()
    const wish = parseAddressWish(typed ?? 'ipv4')
    const { id, netns } = await localTarget(context, name)
    const tools = await workloadContext(context)
    const gateway = await gatewayKind(tools.client, id.node)
    try {
      const endpoint = await addWorkload(tools, { ...id, netns, interfaceName, ips: [wish], gateway, profiles: [] })
      const ips = (endpoint.spec.ipNetworks ?? []).map((net) => net.split('/', 1)[0] ?? net)
      return { blocks: lines(...ips.map((ip) => `IP ${ip} added to ${name}`)) }
    } catch (err) {
      const isConnected = hasCode(err, 'ALREADY_EXISTS') && err.context['endpoint'] !== undefined
      return isConnected
        ? { errors: [`${name} has already been configured with Calico Networking.`] }
        : Promise.reject(err)
    }
  },
})
