/**
 * ADD: address, profile, endpoint, interface, and policy in place; all of it or nothing.
 *
 * Each step is found again by name: an attempt that was killed half-way is taken up or cleared by the next ADD, or cleared
 * by DEL. ADD of an attachment that stands gives its result again.
 */
import { writeSysctlIn } from '@calico-node/linux'
import { endpointNameOf, addWorkload, removeWorkload } from '@calico-node/workload'
import { attachmentOf, type Attachment } from '../identity.ts'
import type { Result } from '../protocol/result.ts'
import { assertReady, type Session } from '../session.ts'
import { ipamAdd, ipamDel, findDelegate } from './delegate.ts'
import { assertNetns, inspect } from './inspect.ts'
import { labelsOf, mtuOf, requestedMac } from './wanted.ts'
import { waitForPolicy } from './policy-wait.ts'
import { ensureNetworkProfile, networkProfile, profilesOf } from './profile.ts'
import { attachmentResult } from './attachment-result.ts'

export async function add(session: Session): Promise<Result> {
  const { client, request, conf, node, log } = session
  const attachment = attachmentOf(request, node)
  const netns = assertNetns(request.netns)
  const { isOurs } = findDelegate(session)
  const labels = labelsOf(conf)
  const [known] = await Promise.all([
    client.resources('WorkloadEndpoint').find(endpointNameOf(attachment.id), attachment.id.namespace),
    assertReady(client),
    conf.policy.type === '' ? ensureNetworkProfile(client, networkProfile(request.network)) : undefined,
  ])
  if (known !== undefined) {
    const isSame = (known.spec.containerID ?? request.containerId) === request.containerId
    if (isSame && (await inspect(session, known)) === undefined) return attachmentResult(session, known, EMPTY)
    log.info('Clearing what an earlier attempt left', { endpoint: known.metadata.name })
    await clear(session, attachment)
    if (isSame && !isOurs) await ipamDel(session) // calico-ipam goes on with what it gave
  }
  const fromIpam = await ipamAdd(session)
  try {
    const endpoint = await addWorkload(session, {
      ...attachment.id,
      ...requestedMac(session),
      ...mtuOf(conf),
      netns: { path: netns },
      interfaceName: request.ifname,
      hostInterface: attachment.hostInterface,
      gateway: 'link-local',
      ips: [],
      assigned: fromIpam.ips.map(({ address }) => address.ip),
      profiles: profilesOf(attachment, request.network, conf),
      labels,
      spec: { containerID: request.containerId },
    })
    await finish(session, attachment, netns)
    return attachmentResult(session, endpoint, fromIpam)
  } catch (err) {
    await ipamDel(session).catch((cause: unknown) => log.warn('Cannot give addresses back', { err: cause }))
    throw err
  }
}

const EMPTY: Pick<Result, 'routes' | 'dns'> = { routes: [], dns: {} }

/** What comes after the endpoint stands; when it fails the endpoint and its interface go again. */
async function finish(session: Session, attachment: Attachment, netns: string): Promise<void> {
  try {
    const { allow_ip_forwarding: forwards } = session.conf.container_settings
    if (!forwards) await writeSysctlIn({ path: netns }, 'net/ipv4/ip_forward', '0')
    await waitForPolicy(session, attachment)
  } catch (err) {
    await clear(session, attachment).catch((cause: unknown) =>
      session.log.warn('Cannot take the endpoint back', { workload: attachment.id.workload, err: cause }),
    )
    throw err
  }
}

/** Takes the endpoint and its interface away. The addresses stay for IPAM to judge. */
const clear = (session: Session, { id, hostInterface }: Attachment): Promise<unknown> =>
  removeWorkload(session, id, { handle: undefined, hostInterface })
