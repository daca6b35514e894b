/**
 * What the container must be allowed to do. Everything missing is named at once, each with the option of `docker run` that
 * gives it, before anything is written anywhere: what lacks a right would otherwise fail much later, in another process.
 */
export type Capability = 'NET_BIND_SERVICE' | 'NET_ADMIN' | 'NET_RAW'

/** Numbers of the kernel, linux/capability.h. */
const BIT: Readonly<Record<Capability, bigint>> = { NET_BIND_SERVICE: 10n, NET_ADMIN: 12n, NET_RAW: 13n }
const BGP_PORT = 179

export interface Rights {
  readonly capabilities: ReadonlySet<Capability>
  /** Some root below which the kernel's network parameters can be written. */
  readonly sysctlWritable: boolean
  /** Ports from this one on are free for everybody. */
  readonly firstFreePort: number
  /** Folders that cannot be written. */
  readonly readOnly: readonly string[]
}

export interface Shortcomings {
  /** The node cannot work. */
  readonly fatal: readonly string[]
  /** It can, with less. */
  readonly degraded: readonly string[]
}

/** @param status `/proc/self/status` */
export function effectiveCapabilities(status: string): ReadonlySet<Capability> {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  const names: readonly Capability[] = ['NET_BIND_SERVICE', 'NET_ADMIN', 'NET_RAW']
  return new Set(names.filter((name) => (mask & (1n << BIT[name])) !== 0n))
}

export function findShortcomings(rights: Rights, { withBird }: { readonly withBird: boolean }): Shortcomings {
  const { capabilities, sysctlWritable, firstFreePort, readOnly } = rights
  const missing = (['NET_ADMIN', 'NET_RAW'] as const).filter((name) => !capabilities.has(name))
  const fatal = [
    ...missing.map((name) => `capability ${name} is missing, give --cap-add=${name}`),
    ...(sysctlWritable ? [] : ['kernel parameters are read-only, give --volume=/proc/sys/net:/host/proc/sys/net']),
    ...readOnly.map((path) => `${path} is read-only, give --volume=${path}:${path}`),
  ]
  const canListen = capabilities.has('NET_BIND_SERVICE') || firstFreePort <= BGP_PORT
  const degraded = withBird && !canListen ? ['BIRD cannot listen on port 179, give --cap-add=NET_BIND_SERVICE'] : []
  return { fatal, degraded }
}
