/** Options of `node run` for Docker networks, in the words of now and in those of older scripts. Pure. */
import { CalicoError } from '@calico-node/core'
import { flag, hidden, value } from '../cli/option.ts'
import type { NodeContainer } from './node-container.ts'

export const DOCKER_NETWORK_OPTIONS = {
  libnetwork: flag('--libnetwork', 'serve Docker networks too'),
  disableDockerNetworking: hidden(flag('--disable-docker-networking', 'no Docker networks, which is the default')),
  ifPrefix: value('--docker-networking-ifprefix <prefix>', 'name of interfaces in containers of Docker', (typed) => {
    if (/^[a-zA-Z0-9]{1,12}$/.test(typed)) return typed
    const wanted = 'want 1 to 12 letters and digits'
    throw new CalicoError('INVALID', `Cannot use --docker-networking-ifprefix "${typed}": ${wanted}`)
  }),
  containerLabels: flag(
    '--use-docker-networking-container-labels',
    "label endpoints as Docker's containers are, and make no profile for a network",
  ),
} as const

interface DockerNetworkChoice {
  readonly libnetwork: boolean
  readonly disableDockerNetworking: boolean
  readonly ifPrefix: string | undefined
  readonly containerLabels: boolean
}

/** Undefined: none. To say how Docker networks shall be is to want them. @throws INVALID for contradicting options */
export function dockerNetworksOf(choice: DockerNetworkChoice): NodeContainer['dockerNetworks'] {
  const { libnetwork, disableDockerNetworking, ifPrefix, containerLabels } = choice
  const wanted = [
    ...(libnetwork ? ['--libnetwork'] : []),
    ...(ifPrefix !== undefined ? ['--docker-networking-ifprefix'] : []),
    ...(containerLabels ? ['--use-docker-networking-container-labels'] : []),
  ]
  if (disableDockerNetworking && wanted.length > 0)
    throw new CalicoError('INVALID', `Cannot use ${wanted.join(' and ')} with --disable-docker-networking`)
  return wanted.length === 0 ? undefined : { ...(ifPrefix !== undefined && { ifPrefix }), containerLabels }
}
