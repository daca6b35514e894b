import { parseIp } from '@calico-node/model'
import { addIp, parseAddressWish, removeIp } from '@calico-node/workload'
import { defineCommand } from '../../cli/command.ts'
import { text } from '../../cli/option.ts'
import { gatewayKind, localTarget, requireRoot, workloadContext } from '../../documents/container.ts'
import { line } from '../../output/block.ts'

const options = { interface: { ...text('--interface <name>', 'accepted for old scripts'), hidden: true } }

export const addCommand = defineCommand({
  args: ['<container>', '<ip>'],
  options,
  usage: 'container <container> ip add <ip>',
  examples: [
    ['container web ip add 192.168.1.2', 'one more address'],
    ['container web ip add ipv6', 'any IPv6 address'],
  ],
  async run(context, [name, typed]) {
    requireRoot()
    const wish = parseAddressWish(typed)
    const { id, netns } = await localTarget(context, name)
    const tools = await workloadContext(context)
    const { ip } = await addIp(tools, { ...id, netns, ip: wish, gateway: await gatewayKind(tools.client, id.node) })
    return { blocks: [line(`IP ${ip} added to ${name}`)] }
  },
})

export const removeCommand = defineCommand({
  args: ['<container>', '<ip>'],
  options,
  usage: 'container <container> ip remove <ip>',
  examples: [['container web ip remove 192.168.1.2', 'take an address away']],
  async run(context, [name, typed]) {
    requireRoot()
    const ip = parseIp(typed)
    const { id, netns } = await localTarget(context, name)
    await removeIp(await workloadContext(context), { ...id, netns, ip })
    return { blocks: [line(`IP ${ip} removed from ${name}`)] }
  },
})
