import { CalicoError, messageOf } from '@calico-node/core'

/** Error codes of the CNI specification that this plugin uses; from 100 on they are the plugin's own. */
export const CNI_CODE = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  invalidEnvironment: 4,
  io: 5,
  decoding: 6,
  invalidConfig: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  limitedConnectivity: 51,
  plugin: 100,
} as const

/** A failure as the runtime gets it. `code` is {@link CNI_CODE}'s or, passed on from a delegate, any other. */
export class CniError extends Error {
  readonly code: number
  readonly details: string
  constructor(code: number, message: string, opts: { readonly details?: string; readonly cause?: unknown } = {}) {
    super(message, opts.cause === undefined ? {} : { cause: opts.cause })
    this.name = 'CniError'
    this.code = code
    this.details = opts.details ?? ''
  }
}

/** What anything that was thrown is for the runtime: which code, what to say, what to do about it. */
export function toCniError(err: unknown): CniError {
  if (err instanceof CniError) return err
  if (!(err instanceof CalicoError)) return new CniError(CNI_CODE.plugin, messageOf(err), { cause: err })
  const [code, details] = meaningOf(err.code)
  return new CniError(code, err.message, { details, cause: err })
}

function meaningOf(code: CalicoError['code']): readonly [code: number, details: string] {
  switch (code) {
    case 'INVALID':
    case 'UNSUPPORTED':
      return [CNI_CODE.invalidConfig, '']
    case 'STORE_UNAVAILABLE':
    case 'AMBIGUOUS':
      return [CNI_CODE.tryAgainLater, 'etcd does not answer: check etcd_endpoints and the etcd cluster, then try again']
    case 'TIMED_OUT':
    case 'CONFLICT':
    case 'COMPACTED':
      return [CNI_CODE.tryAgainLater, 'Nothing was left behind: try again']
    case 'FORBIDDEN':
      return [CNI_CODE.plugin, 'etcd refuses these credentials: check the certificates or the user and its role']
    case 'EXHAUSTED':
      return [CNI_CODE.plugin, 'Release unused addresses ("calicoctl ipam check") or add an IPPool']
    default:
      return [CNI_CODE.plugin, '']
  }
}
