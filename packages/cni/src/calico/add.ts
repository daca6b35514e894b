/**
 * ADD: address, profile, endpoint, interface, and policy in place; all of it or nothing.
 *
 * Each step is found again by name: an attempt that was killed half-way is taken up or cleared by the next ADD, or cleared
 * by DEL. ADD of an attachment that stands gives its result again.
 */
import { writeSysctlIn } from '@calico-node/linux'
import { hostCidr, parseIpInterface } from '@calico-node/model'
import { endpointNameOf, addWorkload, removeWorkload, type WorkloadEndpoint } from '@calico-node/workload'
import { attachmentOf, type Attachment } from '../identity.ts'
import { podLabels, podSpec, withPod } from '../kubernetes/pod-session.ts'
import type { Result } from '../protocol/result.ts'
import { assertReady, type Session } from '../session.ts'
import { ipamAdd, ipamDel, findDelegate } from './delegate.ts'
import { assertNetns, inspect } from './inspect.ts'
import { labelsOf, mtuOf, requestedMac } from './wanted.ts'
import { waitForPolicy } from './policy-wait.ts'
import { ensureNetworkProfile, networkProfile, profilesOf } from './profile.ts'
import { passGates } from './readiness.ts'
import { attachmentResult } from './attachment-result.ts'

export async function add(plain: Session): Promise<Result> {
  const { client, request, conf, node, log } = plain
  const attachment = attachmentOf(request, node)
  assertNetns(request.netns)
  labelsOf(conf)
  const { isOurs } = findDelegate(plain)
  const [known, session] = await Promise.all([
    client.resources('WorkloadEndpoint').find(endpointNameOf(attachment.id), attachment.id.namespace),
    withPod(plain, attachment),
    assertReady(client),
    passGates(conf.readiness_gates),
    conf.policy.type === '' ? ensureNetworkProfile(client, networkProfile(request.network)) : undefined,
  ])
  if (known !== undefined) {
    const isSame = (known.spec.containerID ?? request.containerId) === request.containerId
    if (isSame && (await inspect(session, known)) === undefined) return attachmentResult(session, known, EMPTY)
    log.info('Clearing what an earlier attempt left', { endpoint: known.metadata.name })
    await clear(session, attachment)
    if (isSame && !isOurs) await ipamDel(session) // calico-ipam goes on with what it gave
  }
  const fromIpam = await assignAddresses(session)
  try {
    const endpoint = await connect(session, attachment, fromIpam)
    await finish(session, attachment)
    return attachmentResult(session, endpoint, fromIpam)
  } catch (err) {
    await ipamDel(session).catch((cause: unknown) => log.warn('Cannot give addresses back', { err: cause }))
    throw err
  }
}

const EMPTY: Pick<Result, 'routes' | 'dns'> = { routes: [], dns: {} }

/** From IPAM, or those that the pod brings with it. */
async function assignAddresses(session: Session): Promise<Result> {
  const own = session.pod?.wishes.ipsWithoutIpam
  if (own === undefined) return ipamAdd(session)
  return { interfaces: [], ips: own.map((ip) => ({ address: parseIpInterface(hostCidr(ip)) })), ...EMPTY }
}

function connect(session: Session, attachment: Attachment, { ips }: Result): Promise<WorkloadEndpoint> {
  const { request, conf, pod } = session
  const assigned = ips.map(({ address }) => address.ip)
  return addWorkload(session, {
    ...attachment.id,
    ...requestedMac(session),
    ...mtuOf(conf),
    netns: { path: assertNetns(request.netns) },
    interfaceName: request.ifname,
    hostInterface: attachment.hostInterface,
    queues: Math.max(1, conf.num_queues),
    gateway: 'link-local',
    ips: [],
    assigned,
    profiles: profilesOf(attachment, session),
    labels: { ...labelsOf(conf), ...(pod !== undefined && podLabels(pod)) },
    spec: { containerID: request.containerId, ...(pod !== undefined && podSpec(pod, assigned)) },
  })
}

/** What comes after the endpoint stands; when it fails the endpoint and its interface go again. */
async function finish(session: Session, attachment: Attachment): Promise<void> {
  const { conf, request, log } = session
  try {
    const { allow_ip_forwarding: forwards } = conf.container_settings
    if (!forwards) await writeSysctlIn({ path: assertNetns(request.netns) }, 'net/ipv4/ip_forward', '0')
    await waitForPolicy(session, attachment)
  } catch (err) {
    await clear(session, attachment).catch((cause: unknown) =>
      log.warn('Cannot take the endpoint back', { workload: attachment.id.workload, err: cause }),
    )
    throw err
  }
}

/** Takes the endpoint and its interface away. The addresses stay for IPAM to judge. */
const clear = (session: Session, { id, hostInterface }: Attachment): Promise<unknown> =>
  removeWorkload(session, id, { handle: undefined, hostInterface })
