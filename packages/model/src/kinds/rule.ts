import { z } from 'zod'
import {
  doc,
  integer,
  list,
  masked,
  name,
  object,
  oneOf,
  opt,
  port,
  protocol,
  selector,
  text,
  textMap,
} from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'

const icmp = () =>
  object({
    type: opt(integer(0, 254), 'ICMP type.'),
    code: opt(integer(0, 255), 'ICMP code; needs a type.'),
  })

/** One side of a packet. Everything given must hold; entries of a list are alternatives. */
export const entityRule = object({
  nets: opt(list(masked()), 'Networks that the address must be in.'),
  selector: opt(selector(), 'Endpoints and network sets that the address must belong to.'),
  namespaceSelector: opt(
    selector({ allowGlobal: true }),
    'Namespaces that the endpoints must be in; global() means none.',
    {
      rule: 'global() only alone',
    },
  ),
  services: opt(
    object({
      name: opt(text(), 'Name of the service.'),
      namespace: opt(text(), 'Namespace of the service.'),
    }),
    'Kubernetes service; matches nothing without Kubernetes.',
  ),
  ports: opt(list(port()), 'Ports; a name stands for the ports of that name of endpoints.'),
  notNets: opt(list(masked()), 'Networks that the address must not be in.'),
  notSelector: opt(selector({ allowGlobal: true }), 'Endpoints and network sets that the address must not belong to.'),
  notPorts: opt(list(port()), 'Ports that must not match.'),
  serviceAccounts: opt(
    object({
      names: opt(list(name()), 'Names of service accounts.'),
      selector: opt(selector({ allowGlobal: true }), 'Selects service accounts by label.'),
    }),
    'Service accounts of the endpoints.',
  ),
})

export const rule = object({
  action: doc(oneOf('Allow', 'Deny', 'Log', 'Pass'), 'Log goes on with the next rule; Pass skips to the next tier.'),
  ipVersion: opt(z.union([z.literal(4), z.literal(6)], { error: 'must be 4 or 6' }), 'Only packets of this version.', {
    type: '4 | 6',
  }),
  protocol: opt(protocol(), 'Only packets of this protocol.'),
  icmp: opt(icmp(), 'Only ICMP packets of this type and code.'),
  notProtocol: opt(protocol(), 'Only packets of other protocols.'),
  notICMP: opt(icmp(), 'Only ICMP packets of another type or code.'),
  source: doc(entityRule.default({}), 'Where the packet comes from.'),
  destination: doc(entityRule.default({}), 'Where the packet goes to.'),
  http: opt(
    object({
      methods: opt(list(text()), 'HTTP methods.'),
      paths: opt(
        list(
          object({
            exact: opt(text(), 'The whole path.'),
            prefix: opt(text(), 'Beginning of the path.'),
          }),
        ),
        'HTTP paths.',
      ),
    }),
    'HTTP requests; needs an application-layer proxy.',
  ),
  metadata: opt(
    object({
      annotations: opt(textMap(), 'Notes; they become comments of the kernel rules.'),
    }),
    'Notes about the rule.',
  ),
})

export const rules = () => list(rule)

export type EntityRuleSpec = Output<typeof entityRule>
export type RuleSpec = Output<typeof rule>
