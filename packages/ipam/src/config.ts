import { CalicoError } from '@calico-node/core'
import { IPAM_CONFIG_KEY, type IpamConfig } from '@calico-node/model'
import type { IpamContext } from './context.ts'
import { untilWon } from './records.ts'

export const DEFAULT_CONFIG: IpamConfig = { strictAffinity: false, autoAllocateBlocks: true, maxBlocksPerHost: 0 }

/** How many blocks an owner may have when nothing else is said. */
const DEFAULT_BLOCK_LIMIT = 20

/** The cluster's IPAM settings; the first reader writes the defaults down. */
export function readConfig(ctx: IpamContext): Promise<IpamConfig> {
  return untilWon('read the IPAM configuration', async () => {
    const stored = await ctx.config.find(IPAM_CONFIG_KEY)
    return (stored ?? (await ctx.config.create(IPAM_CONFIG_KEY, DEFAULT_CONFIG)))?.value
  })
}

/** Changes the given settings. @throws INVALID when they do not go together */
export function changeConfig(ctx: IpamContext, change: Partial<IpamConfig>): Promise<IpamConfig> {
  return untilWon('change the IPAM configuration', async () => {
    const stored = await ctx.config.find(IPAM_CONFIG_KEY)
    const next = checked({ ...(stored?.value ?? DEFAULT_CONFIG), ...change })
    const write = stored === undefined ? ctx.config.create(IPAM_CONFIG_KEY, next) : ctx.config.replace(stored, next)
    return (await write)?.value
  })
}

function checked(config: IpamConfig): IpamConfig {
  const refuse = (why: string): CalicoError => new CalicoError('INVALID', `Cannot set this IPAM configuration: ${why}`)
  const { strictAffinity, autoAllocateBlocks, maxBlocksPerHost } = config
  if (!strictAffinity && !autoAllocateBlocks)
    throw refuse('without automatic block allocation affinity has to be strict')
  if (!Number.isInteger(maxBlocksPerHost) || maxBlocksPerHost < 0)
    throw refuse('maxBlocksPerHost must be a whole number >= 0')
  if (maxBlocksPerHost > 0 && !strictAffinity) throw refuse('a maximum of blocks per host needs strict affinity')
  return config
}

/** The limit that counts for a request: its own within the configured one. Zero and absent mean "not given". */
export function blockLimit(requested: number | undefined, { maxBlocksPerHost }: IpamConfig): number {
  const given = [requested ?? 0, maxBlocksPerHost].filter((limit) => limit > 0)
  return given.length === 0 ? DEFAULT_BLOCK_LIMIT : Math.min(...given)
}
