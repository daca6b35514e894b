/** What took the decision. `rule` counts from 0 within the direction's list. */
export type Decision =
  | {
      readonly kind: 'policy'
      readonly tier: string
      readonly policy: string
      readonly namespace?: string
      readonly rule: number
    }
  | { readonly kind: 'profile'; readonly profile: string; readonly rule: number }
  /** Policies of the tier apply to the endpoint, and none of them decided. */
  | { readonly kind: 'end-of-tier'; readonly tier: string }
  /** No policy decided and no profile allowed: the default is to deny. */
  | { readonly kind: 'no-profile-matched' }
  /** A profile that does not exist, or whose value is broken, denies. */
  | { readonly kind: 'missing-profile'; readonly profile: string }
  | { readonly kind: 'failsafe'; readonly protocol: string; readonly port: number }
  /** A workload may not send VXLAN or IPIP packets, nor with a source that is not its own; without an endpoint, nothing. */
  | { readonly kind: 'encapsulated' | 'spoofed-source' | 'unknown-interface' }
  /** IPv6 is dead without it: workloads and hosts may always find their neighbours. */
  | { readonly kind: 'neighbour-discovery' }
  /** Traffic of a workload to its own host, after its egress policy. */
  | { readonly kind: 'endpoint-to-host-action'; readonly action: 'Drop' | 'Return' | 'Accept' }
  /** There is nothing that restricts this: no host endpoint, or none of its policies is for this kind of traffic. */
  | { readonly kind: 'unrestricted'; readonly why: string }

/** One thing that was looked at on the way, in order. */
export interface Step {
  readonly where: string
  readonly outcome: 'allow' | 'deny' | 'pass' | 'log' | 'no-match' | 'skipped'
  readonly rule?: number
  /** Why a rule did not match, or what a pass led to. */
  readonly note?: string
}

/** The policy of one endpoint in one direction. */
export interface Stage {
  readonly endpoint: string
  readonly direction: 'ingress' | 'egress'
  readonly kind: 'workload' | 'host' | 'host-forward' | 'host-untracked' | 'host-pre-dnat'
  readonly action: 'allow' | 'deny' | 'continue'
  readonly decision: Decision
  readonly steps: readonly Step[]
}

export interface Verdict {
  readonly action: 'allow' | 'deny'
  /** Stages in the order in which the packet meets them; the last one denied or all of them let it pass. */
  readonly stages: readonly Stage[]
}
