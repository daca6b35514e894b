import { hostCidr } from '@calico-node/model'
import { endpointNameOf } from '@calico-node/workload'
import { attachmentOf } from '../identity.ts'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import { parseResult } from '../protocol/result.ts'
import { assertReady, type Session } from '../session.ts'
import { ipamCheck } from './delegate.ts'
import { inspect } from './inspect.ts'

/** CHECK: the endpoint, its interface, addresses and routes are what ADD answered (`prevResult`). @throws CniError */
export async function check(session: Session): Promise<void> {
  const { client, request, node } = session
  if (request.config['prevResult'] === undefined)
    throw new CniError(CNI_CODE.invalidConfig, 'CHECK needs prevResult in the network configuration')
  const { ips, interfaces } = parseResult(request.config['prevResult'], 'prevResult')
  await assertReady(client)
  const { id } = attachmentOf(request, node)
  const name = endpointNameOf(id)
  const endpoint = await client.resources('WorkloadEndpoint').find(name, id.namespace)
  if (endpoint === undefined)
    throw new CniError(CNI_CODE.plugin, `there is no WorkloadEndpoint ${id.namespace}/${name}`)
  const nets = endpoint.spec.ipNetworks ?? []
  const own = ips.filter(({ interface: index }) => index === undefined || interfaces[index]?.name === request.ifname)
  const lost = own.find(({ address }) => !nets.includes(hostCidr(address.ip)))
  if (lost !== undefined)
    throw new CniError(CNI_CODE.plugin, `WorkloadEndpoint ${name} does not have ${lost.address.ip}`)
  const problem = await inspect(session, endpoint)
  if (problem !== undefined) throw new CniError(CNI_CODE.plugin, `the attachment does not stand: ${problem}`)
  await ipamCheck(session)
}
