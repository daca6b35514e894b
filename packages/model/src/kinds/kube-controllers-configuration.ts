import { doc, duration, integer, list, name, object, oneOf, opaque, opt, text, textMap } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import { onlyDefault } from './cluster-information.ts'
import type { KindDefinition } from './definition.ts'

const enabled = (description: string) => opt(oneOf('Enabled', 'Disabled'), description)
const period = () => opt(duration(), 'Time between full comparisons.', { fallback: '5m0s' })
const reconciler = (what: string) => opt(object({ reconcilerPeriod: period() }), `Keeps ${what}. Absent: not run.`)

export const kubeControllersConfigurationSpec = object({
  logSeverityScreen: opt(
    oneOf('None', 'Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'),
    'Least severity of what is logged.',
    {
      fallback: 'Info',
    },
  ),
  healthChecks: enabled('Serve health checks.'),
  etcdV3CompactionPeriod: opt(duration(), 'Time between compactions of etcd; 0 = never.', { fallback: '10m0s' }),
  prometheusMetricsPort: opt(integer(0, 65_535), 'Port of the metrics service; 0 = none.', { fallback: '9094' }),
  debugProfilePort: opt(integer(0, 65_535), 'Port of the profiler.'),
  controllers: doc(
    object({
      node: opt(
        object({
          reconcilerPeriod: period(),
          syncLabels: enabled('Copy labels of Kubernetes nodes to Nodes.'),
          hostEndpoint: opt(
            object({
              autoCreate: enabled('Make a HostEndpoint for every node.'),
              createDefaultHostEndpoint: enabled('Make the one that covers all interfaces.'),
              templates: opt(
                list(
                  object({
                    generateName: opt(name(), 'Suffix of the name.'),
                    interfaceCIDRs: opt(list(text()), 'Interfaces with addresses in these networks.'),
                    interfacePattern: opt(text(), 'Interfaces whose names match.'),
                    interfaceSelector: opt(text(), 'Interfaces whose names match.'),
                    labels: opt(textMap(), 'Labels of the HostEndpoint.'),
                    nodeSelector: opt(text(), 'Nodes that get it.'),
                  }),
                ),
                'Further HostEndpoints.',
              ),
            }),
            'Automatic HostEndpoints.',
          ),
          leakGracePeriod: opt(duration(), 'How long an address may have no owner before it is released.', {
            fallback: '15m0s',
          }),
        }),
        'Keeps Nodes. Absent: not run.',
      ),
      policy: reconciler('NetworkPolicies'),
      workloadEndpoint: reconciler('labels of WorkloadEndpoints'),
      serviceAccount: reconciler('Profiles of service accounts'),
      namespace: reconciler('Profiles of namespaces'),
      loadBalancer: opt(
        object({
          assignIPs: opt(oneOf('AllServices', 'RequestedServicesOnly'), 'Services that get an address.', {
            fallback: 'AllServices',
          }),
        }),
        'Assigns addresses of load balancers. Absent: not run.',
      ),
    }).prefault({}),
    'What runs.',
  ),
})

export type KubeControllersConfigurationSpec = Output<typeof kubeControllersConfigurationSpec>

export const kubeControllersConfiguration: KindDefinition<
  typeof kubeControllersConfigurationSpec,
  KubeControllersConfigurationSpec
> = {
  plural: 'kubecontrollersconfigurations',
  namespaced: false,
  aliases: ['kubecontrollersconfig', 'kubecontrollersconfigs'],
  summary: 'Parameters of kube-controllers. The only one is named "default".',
  spec: kubeControllersConfigurationSpec,
  status: object({
    runningConfig: opt(opaque(), 'What is in effect.'),
    environmentVars: opt(textMap(), 'Variables that override the resource.'),
  }),
  checkWrite: onlyDefault,
}
