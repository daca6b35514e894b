import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cidrBase, cidrSize, findCidr } from '@calico-node/model'
import { z } from 'zod'
import type { PeeringWorkload } from '../model/facts.ts'

/** Of what Felix writes about a workload endpoint: what BGP needs. */
const FileSchema = z.object({
  ipv4Nets: z.array(z.string()).nullish(),
  ipv6Nets: z.array(z.string()).nullish(),
  bgpPeerName: z.string().optional(),
})

/**
 * The workloads of this host that BGPPeers choose, from the files that Felix keeps below `<prefix>/endpoint-status`, one for
 * each endpoint that is programmed and up. A file that is being replaced, or is not Felix's, counts as absent.
 */
export function readPeeringWorkloads(directory: string): readonly PeeringWorkload[] {
  return entries(directory)
    .filter((name) => !name.startsWith('.'))
    .toSorted()
    .flatMap((name) => workloadIn(join(directory, name)) ?? [])
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function workloadIn(path: string): PeeringWorkload | undefined {
  const { bgpPeerName: peer, ipv4Nets, ipv6Nets } = FileSchema.safeParse(parsedFile(path)).data ?? {}
  if (peer === undefined || peer === '') return undefined
  const ips = [...(ipv4Nets ?? []), ...(ipv6Nets ?? [])].flatMap((text) => {
    const cidr = findCidr(text)
    return cidr !== undefined && cidrSize(cidr) === 1n ? [cidrBase(cidr)] : []
  })
  return { peer, ips }
}

function parsedFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
