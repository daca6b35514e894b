import { CalicoError, messageOf } from '@calico-node/core'

/** What the user of Docker reads: what went wrong and, where the code tells, what to do about it. */
export function failureText(err: unknown): string {
  const advice = err instanceof CalicoError ? adviceFor(err.code) : undefined
  return advice === undefined ? messageOf(err) : `${messageOf(err)} (${advice})`
}

function adviceFor(code: CalicoError['code']): string | undefined {
  switch (code) {
    case 'STORE_UNAVAILABLE':
    case 'AMBIGUOUS':
      return 'etcd does not answer: check ETCD_ENDPOINTS of the plugin and the etcd cluster, then try again'
    case 'CONFLICT':
    case 'COMPACTED':
    case 'TIMED_OUT':
      return 'nothing was left behind: try again'
    case 'FORBIDDEN':
      return 'etcd refuses these credentials: check the certificates or the user and its role'
    case 'EXHAUSTED':
      return 'release unused addresses, see "calicoctl ipam check", or add an IPPool'
    default:
      return undefined
  }
}
