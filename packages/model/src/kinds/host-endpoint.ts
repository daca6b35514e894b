import { z } from 'zod'
import { withMeta } from '../schema/meta.ts'
import {
  doc,
  interfaceName,
  ip,
  list,
  name,
  nodeName,
  object,
  opt,
  portName,
  portNumber,
  protocol,
} from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import { INTERFACE_RULE } from '../text/names.ts'
import { hasPorts } from '../text/port.ts'
import type { Checked, KindDefinition } from './definition.ts'

const anyOrInterface = () =>
  withMeta(z.union([z.literal('*'), interfaceName()], { error: `must be "*", or ${INTERFACE_RULE}` }), {
    type: 'interface',
    rule: '"*" is all traffic of the host',
  })

export const hostEndpointSpec = object({
  node: doc(nodeName(), 'Node that the interface is on.'),
  interfaceName: opt(anyOrInterface(), 'The interface, or "*" for all traffic of the host.'),
  expectedIPs: opt(
    list(ip()),
    'Addresses of the host: they find the interface if it has no name, and are what selectors know.',
  ),
  profiles: opt(list(name()), 'Profiles, in order.'),
  ports: opt(
    list(
      object({
        name: doc(portName(), 'Name that rules use.'),
        protocol: doc(protocol(), 'TCP, UDP or SCTP.'),
        port: doc(portNumber(), 'Number.'),
      }),
    ),
    'Named ports.',
  ),
})

export type HostEndpointSpec = Output<typeof hostEndpointSpec>

export const hostEndpoint: KindDefinition<typeof hostEndpointSpec, HostEndpointSpec> = {
  plural: 'hostendpoints',
  namespaced: false,
  aliases: ['hep', 'heps'],
  summary: 'An interface of a host that policies protect.',
  spec: hostEndpointSpec,
  check: hostEndpointProblems,
}

function* hostEndpointProblems({ spec }: Checked<HostEndpointSpec>): Iterable<Problem> {
  if (spec.interfaceName === undefined && (spec.expectedIPs ?? []).length === 0) {
    yield { field: 'spec.interfaceName', value: undefined, reason: 'is required without expectedIPs' }
  }
  for (const [at, port] of (spec.ports ?? []).entries()) {
    if (!hasPorts(port.protocol)) {
      yield { field: `spec.ports[${at}].protocol`, value: port.protocol, reason: 'must be TCP, UDP or SCTP' }
    }
  }
}
