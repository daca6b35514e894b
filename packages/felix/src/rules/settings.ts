import { assertNever } from '@calico-node/core'
import type { Action, PortRange } from '@calico-node/linux'
import type { Ip } from '@calico-node/model'
import type { FailsafePort } from '../config/param-types.ts'
import type { FelixConfig } from '../config/params.ts'
import { allocateMarks, type Marks } from './marks.ts'
import { ACCEPT, DROP, RETURN } from './vocabulary.ts'

/** What the rules need to know of the configuration, in their own terms. Fixed for the life of the process. */
export interface RuleSettings {
  readonly marks: Marks
  /** Interfaces whose names begin so are workloads; an unknown one is cut off. */
  readonly workloadPrefixes: readonly string[]
  /** What follows for traffic from a workload to this host after its egress policy allowed it. */
  readonly workloadToHost: Action
  readonly filterAllow: Action
  readonly mangleAllow: Action
  readonly deny: Action
  readonly dropInvalid: boolean
  readonly workloadsMaySend: { readonly vxlan: boolean; readonly ipip: boolean }
  readonly vxlanPort: number
  readonly log: { readonly prefix: string; readonly limit?: { readonly rate: string; readonly burst: number } }
  /** What no host endpoint can close, whoever is on the other side unless the entry says so. */
  readonly failsafes: { readonly inbound: readonly FailsafePort[]; readonly outbound: readonly FailsafePort[] }
  /** What becomes of packets to service addresses that no service claims; undefined: they are forwarded. */
  readonly serviceLoops: Action | undefined
  readonly nat: { readonly ports?: PortRange; readonly source?: Ip; readonly outInterface?: string }
}

type Verdict = 'Accept' | 'Drop' | 'Return' | 'Reject'

function action(verdict: Verdict): Action {
  switch (verdict) {
    case 'Accept':
      return ACCEPT
    case 'Drop':
      return DROP
    case 'Return':
      return RETURN
    case 'Reject':
      return { kind: 'reject' }
    default:
      return assertNever(verdict)
  }
}

/** @throws INVALID when the mark mask has too few bits */
export function ruleSettings(config: FelixConfig): RuleSettings {
  const limit = config.LogActionRateLimit
  const { NatPortRange: ports, NatOutgoingAddress: source, IptablesNATOutgoingInterfaceFilter: filter } = config
  return {
    marks: allocateMarks(config.IptablesMarkMask),
    workloadPrefixes: config.InterfacePrefix,
    workloadToHost: action(config.DefaultEndpointToHostAction),
    filterAllow: action(config.IptablesFilterAllowAction),
    mangleAllow: action(config.IptablesMangleAllowAction),
    deny: action(config.IptablesFilterDenyAction),
    dropInvalid: !config.DisableConntrackInvalidCheck,
    workloadsMaySend: { vxlan: config.AllowVXLANPacketsFromWorkloads, ipip: config.AllowIPIPPacketsFromWorkloads },
    vxlanPort: config.VxlanPort,
    log: {
      prefix: config.LogPrefix,
      ...(limit && { limit: { rate: `${limit.count}/${limit.per}`, burst: config.LogActionRateLimitBurst } }),
    },
    failsafes: { inbound: config.FailsafeInboundHostPorts, outbound: config.FailsafeOutboundHostPorts },
    serviceLoops: config.ServiceLoopPrevention === 'Disabled' ? undefined : action(config.ServiceLoopPrevention),
    nat: { ...(ports && { ports }), ...(source && { source }), ...(filter !== '' && { outInterface: filter }) },
  }
}
