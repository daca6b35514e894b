/** Options of `node run` that say where the addresses of the host come from: checked here, handed over as they were typed. */
import { lookup } from 'node:dns/promises'
import { CalicoError } from '@calico-node/core'
import { parseAddressSetting, parseDetectionMethod } from '@calico-node/node-address'
import { type OptionSpec, value } from '../cli/option.ts'

type Family = 4 | 6

/** An address of the family, `autodetect` or `none`. */
export function address(flags: string, help: string, family: Family): OptionSpec<string | undefined> {
  return value(flags, help, (typed) => {
    try {
      parseAddressSetting(typed, family)
    } catch (cause) {
      const wanted = 'want an address, autodetect or none'
      throw new CalicoError('INVALID', `Cannot use "${typed}" as IPv${family} address: ${wanted}`, { cause })
    }
    return typed
  })
}

/** How an address is found. */
export function method(flags: string, help: string, family: Family): OptionSpec<string | undefined> {
  return value(flags, help, (typed) => {
    parseDetectionMethod(typed, family)
    return typed
  })
}

/** @throws INVALID when the method names a host that has no address of the family */
export async function requireReachable(typed: string | undefined, family: Family): Promise<void> {
  if (typed === undefined) return
  const found = parseDetectionMethod(typed, family)
  if (found.kind !== 'can-reach') return
  const { host } = found
  // An address of the other family is found as it is.
  const resolved = await lookup(host, { family }).catch(() => undefined)
  if (resolved?.family === family) return
  throw new CalicoError('INVALID', `Cannot use detection method "${typed}": ${host} has no IPv${family} address`)
}
