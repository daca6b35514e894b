/** What IP and IP6 mean for a node: the table of the container's reference, as one pure function a family. */
import { CalicoError, type LogFields } from '@calico-node/core'
import { type Cidr, cidrContains, type IpInterface, parseCidr, parseIpInterface } from '@calico-node/model'
import type { AddressSetting } from './setting.ts'
import { type Choice, candidateText, noAddressError } from './detect/choose.ts'
import type { Candidate } from './detect/candidates.ts'
import type { HostAddress } from './detect/facts.ts'

export interface AddressInput {
  readonly version: 4 | 6
  readonly setting: AddressSetting | undefined
  /** What the Node holds now. */
  readonly existing: IpInterface | undefined
  /** What this host has. */
  readonly local: readonly HostAddress[]
  /** Outcome of the detection; needed only when {@link needsDetection}. */
  readonly detected?: Choice | { readonly chosen: undefined; readonly candidates: readonly Candidate[] }
}

export interface Note {
  readonly level: 'info' | 'warn'
  readonly message: string
  readonly fields: LogFields
}

export interface AddressDecision {
  readonly address: IpInterface | undefined
  readonly notes: readonly Note[]
}

const RESERVED: Cidr = parseCidr('240.0.0.0/4')

/** Unset means: keep what the Node has, else detect for IPv4 and go without for IPv6. */
export const needsDetection = ({ version, setting, existing }: AddressInput): boolean =>
  setting === 'autodetect' || (setting === undefined && existing === undefined && version === 4)

const onHost = (local: readonly HostAddress[], address: IpInterface): HostAddress | undefined =>
  local.find((item) => item.address.ip === address.ip)

function checkLocal({ local, version }: AddressInput, address: IpInterface): Note[] {
  if (onHost(local, address) !== undefined) return []
  const fields = { address: address.text, ipVersion: version, local: local.map((item) => item.address.text) }
  return [{ level: 'warn', message: 'The address of this node is on none of its interfaces', fields }]
}

/** A bare address takes the prefix length of the interface that has it. */
function configured(input: AddressInput, { address, bare }: { address: IpInterface; bare: boolean }): AddressDecision {
  const found = bare ? onHost(input.local, address) : undefined
  const chosen = found === undefined ? address : parseIpInterface(`${address.ip}/${found.address.prefixLength}`)
  return { address: chosen, notes: checkLocal(input, chosen) }
}

function choiceNotes(version: 4 | 6, { chosen, reason, candidates, rivals }: Choice): Note[] {
  const fields = {
    ipVersion: version,
    address: chosen.address.text,
    interface: chosen.interface,
    because: `it is ${reason}`,
    candidates: candidates.map(candidateText),
  }
  const notes: Note[] = [{ level: 'info', message: 'Address of this node detected', fields }]
  if (rivals.length > 0) {
    const variable = version === 4 ? 'IP' : 'IP6'
    notes.push({
      level: 'warn',
      message:
        'Other addresses would have been as good: decide with ' +
        `${variable}=ADDRESS or ${variable}_AUTODETECTION_METHOD=interface=NAME`,
      fields: { ipVersion: version, chosen: candidateText(chosen), others: rivals.map(candidateText) },
    })
  }
  return notes
}

function detect(input: AddressInput): AddressDecision {
  const { version, existing, detected } = input
  if (detected === undefined) throw new Error('no detection was made')
  if (detected.chosen !== undefined) {
    return { address: detected.chosen.address, notes: choiceNotes(version, detected) }
  }
  const error = noAddressError(version, detected.candidates)
  if (existing === undefined) throw error
  const fields = { ipVersion: version, address: existing.text, err: error }
  return { address: existing, notes: [{ level: 'warn', message: 'Detection failed, the old address is kept', fields }] }
}

/**
 * Decides the node's address of one family.
 *
 * @returns No address when the family is not wanted.
 * @throws NOT_FOUND when an address is needed and none can be detected
 */
export function decideAddress(input: AddressInput): AddressDecision {
  const { setting, existing } = input
  const decision = ((): AddressDecision => {
    if (needsDetection(input)) return detect(input)
    if (typeof setting === 'object') return configured(input, setting)
    if (existing === undefined) return { address: undefined, notes: [] }
    return { address: existing, notes: setting === 'none' ? [] : checkLocal(input, existing) }
  })()
  const { address, notes } = decision
  if (address === undefined || input.version === 6 || !cidrContains(RESERVED, address.ip)) return decision
  const fields = { address: address.text }
  return {
    address,
    notes: [...notes, { level: 'warn', message: 'BIRD does not route the reserved range 240.0.0.0/4', fields }],
  }
}

/** @throws INVALID when networking is wanted and the node would have no address at all */
export function requireSomeAddress(decisions: readonly AddressDecision[]): void {
  if (decisions.some(({ address }) => address !== undefined)) return
  throw new CalicoError(
    'INVALID',
    'Cannot start with networking and without any address: IP is none and there is no IPv6 address; ' +
      'set IP or IP6, or CALICO_NETWORKING_BACKEND=none for policy only',
  )
}
