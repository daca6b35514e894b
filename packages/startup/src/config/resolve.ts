import { CalicoError } from '@calico-node/core'
import { StartupParams } from './params.ts'

export type Backend = 'bird' | 'vxlan' | 'none'

export interface StartupConfig extends StartupParams {
  /** What CALICO_NETWORKING_BACKEND and the older CALICO_NETWORKING amount to. */
  readonly backend: Backend
}

type Env = Readonly<Record<string, string | undefined>>

const backendOf = ({ CALICO_NETWORKING: old, CALICO_NETWORKING_BACKEND: backend }: StartupParams): Backend => {
  if (old === undefined) return backend ?? 'bird'
  return old ? 'bird' : 'none'
}

/** What no single variable can see. */
function contradictions(params: StartupParams): string[] {
  const problems: string[] = []
  for (const family of ['4', '6'] as const) {
    if (params.NO_DEFAULT_POOLS && params[`CALICO_IPV${family}POOL_CIDR`] !== undefined) {
      problems.push(`NO_DEFAULT_POOLS: contradicts CALICO_IPV${family}POOL_CIDR, which asks for a pool`)
    }
  }
  if (params.CALICO_IPV4POOL_IPIP !== 'Never' && params.CALICO_IPV4POOL_VXLAN !== 'Never') {
    problems.push('CALICO_IPV4POOL_IPIP: contradicts CALICO_IPV4POOL_VXLAN; a pool has one encapsulation')
  }
  if (params.CALICO_NODE_ROLE === 'reflector') problems.push(...whyNoReflector(params))
  return problems
}

function* whyNoReflector(params: StartupParams): Iterable<string> {
  if (params.CALICO_ROUTE_REFLECTOR_CLUSTER_ID === undefined) {
    yield 'CALICO_ROUTE_REFLECTOR_CLUSTER_ID: a reflector must have it'
  }
  if (backendOf(params) !== 'bird') {
    yield `CALICO_NODE_ROLE: a reflector needs BGP, and the backend is ${backendOf(params)}`
  }
}

function refuse(problems: readonly string[], cause?: unknown): never {
  throw new CalicoError('INVALID', `Cannot start with this environment: ${problems.join('; ')}`, {
    context: { problems },
    cause,
  })
}

/**
 * Reads the environment. An empty or blank variable counts as unset.
 *
 * @throws INVALID, naming every bad variable with its value and what is allowed
 */
export function resolveStartupConfig(env: Env): StartupConfig {
  const present = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const result = StartupParams.safeParse(present)
  if (!result.success) {
    refuse(
      result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
      result.error,
    )
  }
  const problems = contradictions(result.data)
  if (problems.length > 0) refuse(problems)
  return Object.freeze({ ...result.data, backend: backendOf(result.data) })
}
