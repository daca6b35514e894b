/** Network namespaces other than this process's own, and running a command inside one. */
import { runTool, type RunOptions } from './run.ts'

/** A namespace by the path of its file (`/run/netns/w1`, `/var/run/docker/netns/...`) or by a process that is in it. */
export type Netns = { readonly path: string } | { readonly pid: number }

export const netnsPath = (netns: Netns): string => ('path' in netns ? netns.path : `/proc/${netns.pid}/ns/net`)

/** Runs a command in `netns`, or here when undefined. Only the network is the other's: files and /sys stay ours. */
export function runIn(
  netns: Netns | undefined,
  file: string,
  args: readonly string[],
  opts: RunOptions = {},
): Promise<string> {
  return netns === undefined
    ? runTool(file, args, opts)
    : runTool('nsenter', [`--net=${netnsPath(netns)}`, file, ...args], opts)
}
