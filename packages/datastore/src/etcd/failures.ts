/**
 * What went wrong with a call to etcd, in words that tell an operator what to do about it.
 *
 * The etcd3 package keeps of a failure little more than its text, so the text decides. Rows are tried in order.
 */
import { CalicoError, messageOf, type ErrorCode } from '@calico-node/core'
import type { EtcdConnection } from './connection.ts'
import { TOKEN_EXPIRED } from './tokens.ts'

export interface Failure {
  readonly error: CalicoError
  /** Whether etcd may have carried the request out. */
  readonly applied: 'no' | 'maybe'
  /** Whether the same request may succeed a moment later, or at another member. */
  readonly passing: boolean
  /** Tells about the whole cluster, not only about the member that was asked. */
  readonly ofCluster: boolean
}

interface Row {
  readonly sign: RegExp
  readonly code: ErrorCode
  readonly state: string | ((connection: EtcdConnection, text: string) => string)
  readonly applied?: 'maybe'
  readonly passing?: true
  readonly ofCluster?: true
}

const unavailable = { code: 'STORE_UNAVAILABLE', passing: true } as const

/** The connection could not be made: nothing was sent. */
const CONNECT: readonly Row[] = [
  { ...unavailable, sign: /ECONNREFUSED/, state: 'connection refused; is etcd running and listening there?' },
  { ...unavailable, sign: /ENOTFOUND|EAI_AGAIN|Name resolution failed/, state: 'its host name cannot be resolved' },
  { ...unavailable, sign: /EHOSTUNREACH|ENETUNREACH/, state: 'there is no route to it' },
  {
    ...unavailable,
    sign: /certificate has expired|not yet valid/,
    state: 'the certificate it shows has expired or is not valid yet; check it and the clocks',
  },
  {
    ...unavailable,
    sign: /altnames/,
    state: (_, text) =>
      `the certificate it shows is for another host (${/is not in the cert's list: .*|Cert does not contain.*/.exec(text)?.[0] ?? text})`,
  },
  {
    ...unavailable,
    sign: /unable to verify|self.signed|unable to get (local )?issuer|certificate signature failure/,
    state: ({ tls }) =>
      tls?.ca === undefined
        ? 'the certificate it shows is not from a CA that this system trusts; set ETCD_CA_CERT_FILE'
        : `the certificate it shows is not from the CA in ${nameOf(tls.ca)}`,
  },
  {
    ...unavailable,
    sign: /alert (bad certificate|certificate|unknown ca|handshake failure|access denied)/,
    state: ({ tls }) =>
      tls?.cert === undefined
        ? 'it wants a client certificate; set ETCD_CERT_FILE and ETCD_KEY_FILE'
        : `it refused the client certificate of ${nameOf(tls.cert)}`,
  },
  {
    ...unavailable,
    sign: /before secure TLS connection|wrong version number|EPROTO/,
    state: 'it does not speak TLS; should the endpoint begin with http://?',
  },
  {
    ...unavailable,
    sign: /Failed to connect/,
    state: 'it hangs up on plain text; should the endpoint begin with https://?',
  },
  { ...unavailable, sign: /^/, state: (_, text) => `no connection (${text})` },
]

const ROWS: readonly Row[] = [
  { ...unavailable, sign: new RegExp(`${TOKEN_EXPIRED}|invalid auth token|auth store is old`), state: TOKEN_EXPIRED },
  { code: 'STORE_UNAVAILABLE', sign: /lease not found/, state: 'the lease ran out before the write' },
  {
    code: 'FORBIDDEN',
    sign: /permission denied|PERMISSION_DENIED/,
    state: ({ username, tls }) => {
      if (username !== undefined)
        return `etcd user "${username}" has no permission for it; grant its role the key prefix`
      const certificate = tls?.cert === undefined ? '' : ', or grant the user of the client certificate the key prefix'
      return `it wants a user with permission for it; set ETCD_USERNAME and ETCD_PASSWORD${certificate}`
    },
  },
  {
    code: 'FORBIDDEN',
    sign: /authentication failed|user name not found/,
    state: ({ username }) =>
      `wrong user name or password for "${username ?? ''}"; check ETCD_USERNAME and ETCD_PASSWORD`,
  },
  {
    code: 'FORBIDDEN',
    sign: /user name is empty/,
    state: 'it wants a user name and password; set ETCD_USERNAME and ETCD_PASSWORD',
  },
  { code: 'COMPACTED', sign: /has been compacted/, state: 'that revision has been compacted' },
  { code: 'COMPACTED', sign: /future revision/, state: 'the store has not reached that revision' },
  {
    code: 'INVALID',
    sign: /too large|larger than max|too many operations/,
    state: 'the value is larger than etcd takes (1.5 MB)',
  },
  {
    code: 'STORE_UNAVAILABLE',
    sign: /database space exceeded/,
    state: 'its database is full; compact and defragment it, then disarm the NOSPACE alarm',
  },
  {
    ...unavailable,
    ofCluster: true,
    sign: /no leader/,
    state: 'it has no leader; a majority of its members must be up and in touch',
  },
  { ...unavailable, sign: /too many requests/, state: 'it is overloaded' },
  {
    ...unavailable,
    applied: 'maybe',
    ofCluster: true,
    sign: /etcdserver: (request timed out|leader changed)/,
    state: 'it has no quorum; a majority of its members must be up and in touch',
  },
  { ...unavailable, sign: /Waiting for LB pick|name resolution: \S*$/, state: 'no connection within the time allowed' },
  {
    ...unavailable,
    sign: /Channel (closed|has been shut)|is passed over|already closed/,
    state: 'the connection was closed before the call began',
  },
  { ...unavailable, applied: 'maybe', sign: /^DEADLINE_EXCEEDED/, state: 'no answer within the time allowed' },
  {
    code: 'INVALID',
    sign: /^(INVALID_ARGUMENT|FAILED_PRECONDITION|OUT_OF_RANGE|UNIMPLEMENTED)/,
    state: (_, text) => text,
  },
  {
    ...unavailable,
    applied: 'maybe',
    sign: /^[A-Z_]{5,}: |^etcdserver: |rpc error/,
    state: (_, text) => `the connection was lost (${text})`,
  },
]

/**
 * @param action Completes "Cannot ...": "read /calico/x".
 * @throws `err` itself when it does not come from etcd or the way there: a fault in the program
 */
export function explainFailure(err: unknown, action: string, connection: EtcdConnection): Failure {
  if (err instanceof CalicoError)
    return { error: err, applied: 'no', passing: err.code === 'STORE_UNAVAILABLE', ofCluster: false }
  const text = messageOf(err)
    .replace(/^\d+ (?=[A-Z_]+: )/, '')
    .replace(/\s+/g, ' ')
    .replace(/ Resolution note:.*$/, '')
    .trim()
  const inner = /No connection established\. Last error: (.*)|Name resolution failed.*/.exec(text)
  const row = inner === null ? ROWS.find(({ sign }) => sign.test(text)) : CONNECT.find(({ sign }) => sign.test(text))
  if (row === undefined) throw err
  const state = typeof row.state === 'string' ? row.state : row.state(connection, inner?.[1] ?? text)
  const where = connection.endpoints.join(', ') || `the members listed at ${connection.discoverySrv}`
  const error = new CalicoError(row.code, `Cannot ${action} at etcd ${where}: ${state}`, { cause: err })
  return {
    error,
    applied: row.applied ?? 'no',
    passing: row.passing ?? false,
    ofCluster: row.ofCluster ?? false,
  }
}

const nameOf = (source: { readonly kind: string; readonly path?: string; readonly setting: string }): string =>
  source.path === undefined ? source.setting : `${source.path} (${source.setting})`
