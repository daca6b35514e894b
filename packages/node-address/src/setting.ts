import { CalicoError } from '@calico-node/core'
import { type IpInterface, ipVersion, parseIpInterface } from '@calico-node/model'

/** IP or IP6: detect at every start, leave alone, or a given address. `bare`: written without a prefix length. */
export type AddressSetting = 'autodetect' | 'none' | { readonly address: IpInterface; readonly bare: boolean }

/** @throws INVALID for what is no address, or one of the other family */
export function parseAddressSetting(word: string, version: 4 | 6): AddressSetting {
  if (word === 'autodetect' || word === 'none') return word
  const address = parseIpInterface(word)
  if (ipVersion(address.ip) !== version) throw new CalicoError('INVALID', `${word} is not an IPv${version} address`)
  return { address, bare: !word.includes('/') }
}
