import { describeKind } from '@calico-node/model'
import { StartupParams } from './params.ts'

/**
 * Names of Felix's parameters in the environment, where they are not FELIX_ and the field of the resource in
 * capitals.
 */
const FELIX_ONLY = [
  'FELIXHOSTNAME',
  'DATASTORETYPE',
  'ETCDADDR',
  'ETCDSCHEME',
  'ETCDENDPOINTS',
  'ETCDKEYFILE',
  'ETCDCERTFILE',
  'ETCDCAFILE',
  'IPINIPENABLED',
  'IPINIPMTU',
  'IPINIPTUNNELADDR',
  'IPV4VXLANTUNNELADDR',
  'IPV6VXLANTUNNELADDR',
  'VXLANTUNNELMACADDR',
  'VXLANTUNNELMACADDRV6',
  'EXTERNALNODESCIDRLIST',
  'NETLINKTIMEOUTSECS',
  'REPORTINGINTERVALSECS',
  'REPORTINGTTLSECS',
  'ENDPOINTREPORTINGDELAYSECS',
  'IPTABLESPOSTWRITECHECKINTERVALSECS',
  'IPTABLESLOCKTIMEOUTSECS',
  'IPTABLESLOCKPROBEINTERVALMILLIS',
  'USAGEREPORTINGINITIALDELAYSECS',
  'USAGEREPORTINGINTERVALSECS',
  'WIREGUARDPERSISTENTKEEPALIVE',
  'CLUSTERGUID',
  'CLUSTERTYPE',
  'CALICOVERSION',
  'VARIANT',
  'METADATAADDR',
  'METADATAPORT',
]

/** Set by the image and the launcher for our own programs; nobody else sets them. */
const INTERNAL = [
  'CALICO_BIN',
  'CALICO_RUNIT',
  'CALICO_TEMPLATES',
  'CALICO_NODE',
  'CALICO_PROGRAM',
  'CALICO_PROGRAM_NAME',
  'CALICO_LAUNCHER',
]

/** Every variable that some program of the container reads, in upper case. */
export function knownVariables(): ReadonlySet<string> {
  const spec = describeKind('FelixConfiguration').find(({ name }) => name === 'spec')
  const felix = [...(spec?.fields ?? []).map(({ name }) => name.toUpperCase()), ...FELIX_ONLY]
  return new Set([...Object.keys(StartupParams.shape), ...INTERNAL, ...felix.map((name) => `FELIX_${name}`)])
}
