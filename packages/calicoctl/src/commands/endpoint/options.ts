import { text } from '../../cli/option.ts'

/** What tells endpoints apart. */
export const endpointOptions = {
  host: text('--host <host>', 'endpoints of this node'),
  orchestrator: text('--orchestrator <orchestrator>', 'of this orchestrator: docker, namespace, cni, ...'),
  workload: text('--workload <workload>', 'of this workload'),
  endpoint: text('--endpoint <endpoint>', 'with this identity'),
}
