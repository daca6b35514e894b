/** Variables of the node that an operator may set for calicoctl: they reach the container. Pure. */

/** Names without a prefix that cannot mean anything else; IP and AS could. */
const PLAIN = new Set([
  'AUTODETECT_POLL_INTERVAL',
  'BGP_LOGSEVERITYSCREEN',
  'CLUSTER_TYPE',
  'DISABLE_NODE_IP_CHECK',
  'IP6_AUTODETECTION_METHOD',
  'IP_AUTODETECTION_METHOD',
  'NO_DEFAULT_POOLS',
  'WAIT_FOR_DATASTORE',
])
/** Said by options or by connection settings, true for this host only, or read by calicoctl itself. */
const OWN =
  /^CALICO_(ETCD_|DATASTORE_TYPE$|NETWORKING(_BACKEND)?$|CTL_|BIN$|RUNIT$|TEMPLATES$|NODE$|PROGRAM|LAUNCHER$|BUILD_|ROOT$|.*_(DIR|FILE|TEMPLATES)$)/

/** @returns In the order of their names */
export function forwardedVariables(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const names = Object.keys(env).filter((name) => PLAIN.has(name) || (/^(CALICO|FELIX)_/.test(name) && !OWN.test(name)))
  return Object.fromEntries(names.toSorted().flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
}
