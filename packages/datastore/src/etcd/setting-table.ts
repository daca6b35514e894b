/** Each setting: its field in a file, its name in the environment, and its old name for Felix alone. */
export const SETTINGS = [
  { field: 'datastoreType', env: 'DATASTORE_TYPE', felix: 'FELIX_DATASTORETYPE' },
  { field: 'etcdEndpoints', env: 'ETCD_ENDPOINTS', felix: 'FELIX_ETCDENDPOINTS' },
  { field: 'etcdDiscoverySrv', env: 'ETCD_DISCOVERY_SRV' },
  { field: 'etcdUsername', env: 'ETCD_USERNAME', alsoByFile: true },
  { field: 'etcdPassword', env: 'ETCD_PASSWORD', alsoByFile: true },
  { field: 'etcdKeyFile', env: 'ETCD_KEY_FILE', felix: 'FELIX_ETCDKEYFILE' },
  { field: 'etcdCertFile', env: 'ETCD_CERT_FILE', felix: 'FELIX_ETCDCERTFILE' },
  { field: 'etcdCACertFile', env: 'ETCD_CA_CERT_FILE', felix: 'FELIX_ETCDCAFILE' },
  { field: 'etcdKey' },
  { field: 'etcdCert' },
  { field: 'etcdCACert' },
  { field: 'authority', env: 'ETCD_AUTHORITY', felix: 'FELIX_ETCDADDR', notInFiles: true },
  { field: 'scheme', env: 'ETCD_SCHEME', felix: 'FELIX_ETCDSCHEME', notInFiles: true },
] as const satisfies readonly Row[]

interface Row {
  readonly field: string
  readonly env?: string
  readonly felix?: string
  readonly notInFiles?: true
  /** The variable with `_FILE` behind its name gives a file that holds the value. */
  readonly alsoByFile?: true
}

/** Values that were given, with the name under which each was given. */
export type Given = Partial<Record<(typeof SETTINGS)[number]['field'], GivenValue>>
export interface GivenValue {
  readonly value: string
  readonly name: string
}

/** Which setting a field of a file is. */
export const findFileSetting = (field: string): keyof Given | undefined =>
  SETTINGS.find((row) => row.field === field && !('notInFiles' in row))?.field
