/** What an operator calls a container: a Docker name or id where an engine runs, else a network namespace by name. */
import { existsSync } from 'node:fs'
import { CalicoError } from '@calico-node/core'
import { legacyName } from '@calico-node/model'
import { type DockerContainer, findContainer } from './docker.ts'

export interface Target {
  /** As typed. */
  readonly name: string
  readonly orchestrator: 'docker' | 'namespace'
  /** Identity within the orchestrator: the container's id, or a name made of the namespace's. */
  readonly workload: string
  readonly netns: { readonly path: string } | { readonly pid: number }
}

export interface TargetOptions {
  readonly dockerSocket: string
  /** Folder of named network namespaces. Default /run/netns. */
  readonly netnsDirectory?: string
}

const FORCED = 'netns:'

/** A namespace in the usual folder is known by its name, any other one by its path. */
export function namespaceWorkload(path: string): string {
  const name = /^(?:\/var)?\/run\/netns\/([^/]+)$/.exec(path)?.[1]
  return legacyName(name ?? path)
}

const namespaceTarget = (name: string, path: string): Target => ({
  name,
  orchestrator: 'namespace',
  workload: namespaceWorkload(path),
  netns: { path },
})

function dockerTarget(name: string, container: DockerContainer): Target {
  const refuse = (why: string): CalicoError =>
    new CalicoError('INVALID', `Cannot network container "${name}": ${why}`, { context: { name, id: container.id } })
  if (!container.running) throw refuse('it does not run; start it first')
  if (container.networkMode === 'host') throw refuse('it uses the network of the host; run it with --net=none')
  return { name, orchestrator: 'docker', workload: container.id, netns: { pid: container.pid } }
}

/** @throws NOT_FOUND, saying where it looked; INVALID for a container that cannot be networked */
export async function resolveTarget(name: string, opts: TargetOptions): Promise<Target> {
  const { dockerSocket, netnsDirectory = '/run/netns' } = opts
  const forced = name.startsWith(FORCED) ? `${netnsDirectory}/${name.slice(FORCED.length)}` : undefined
  const path = forced ?? (name.startsWith('/') ? name : undefined)
  if (path !== undefined) {
    if (existsSync(path)) return namespaceTarget(name, path)
    throw new CalicoError('NOT_FOUND', `Cannot find network namespace "${name}": ${path} does not exist`)
  }
  const container = await findContainer(dockerSocket, name)
  if (typeof container === 'object') return dockerTarget(name, container)
  const named = `${netnsDirectory}/${name}`
  if (!name.includes('/') && existsSync(named)) return namespaceTarget(name, named)
  const docker =
    container === 'no-engine' ? `no Docker engine listens on ${dockerSocket}` : 'Docker knows no such container'
  throw new CalicoError('NOT_FOUND', `Cannot find container "${name}": ${docker}, and ${named} does not exist`)
}

/**
 * Identity of a container that may be gone already, for `remove` and `show`: what Docker says when it knows it, else
 * both readings of the name.
 */
export async function possibleWorkloads(
  name: string,
  opts: TargetOptions,
): Promise<Pick<Target, 'orchestrator' | 'workload'>[]> {
  const { dockerSocket, netnsDirectory = '/run/netns' } = opts
  if (name.startsWith('/')) return [{ orchestrator: 'namespace', workload: namespaceWorkload(name) }]
  if (name.startsWith(FORCED)) {
    return [
      { orchestrator: 'namespace', workload: namespaceWorkload(`${netnsDirectory}/${name.slice(FORCED.length)}`) },
    ]
  }
  const container = await findContainer(dockerSocket, name)
  if (typeof container === 'object') return [{ orchestrator: 'docker', workload: container.id }]
  return [
    { orchestrator: 'namespace', workload: legacyName(name) },
    { orchestrator: 'docker', workload: name },
  ]
}
