/** How to reach etcd: what the environment or a configuration file says, parsed once. */

/** Text in PEM form, given inline or by a file that is read again when it changes. */
export type PemSource =
  | { readonly kind: 'file'; readonly path: string; readonly setting: string }
  | { readonly kind: 'inline'; readonly pem: string; readonly setting: string }

export interface EtcdTlsSources {
  readonly ca?: PemSource
  /** Both or neither. */
  readonly cert?: PemSource
  readonly key?: PemSource
}

export interface EtcdConnection {
  /** `http://host:port` or `https://host:port`, of one scheme; empty when `discoverySrv` is set. */
  readonly endpoints: readonly string[]
  /** Domain whose SRV records `_etcd-client-ssl._tcp` and `_etcd-client._tcp` name the endpoints. */
  readonly discoverySrv?: string
  readonly username?: string
  readonly password?: string
  readonly tls?: EtcdTlsSources
  /** Time for one call. Default 10 000. */
  readonly timeoutMs?: number
  /** A connection is pinged when it has been silent for so long. Default 30 000; etcd refuses less than 5000. */
  readonly keepaliveMs?: number
  /** It is given up when a ping is not answered for so long. Default 10 000. */
  readonly keepaliveTimeoutMs?: number
}
