import type { Backend } from '../config/resolve.ts'

/** Names of the service folders, in the order in which they are started. */
export type Service = 'felix' | 'confd' | 'bird' | 'bird6' | 'node-services' | 'libnetwork'

const FOR_BACKEND: Readonly<Record<Backend, readonly Service[]>> = {
  bird: ['felix', 'confd', 'bird', 'bird6', 'node-services'],
  vxlan: ['felix', 'node-services'],
  none: ['felix', 'node-services'],
}

export interface ServiceChoice {
  readonly backend: Backend
  /** Without workloads or host endpoints there is nothing for Felix to do. */
  readonly withFelix: boolean
  /** Serve Docker's network plugins. Default false. */
  readonly withDockerNetworks?: boolean
}

/** What the start script is to run. */
export function servicesFor({ backend, withFelix, withDockerNetworks = false }: ServiceChoice): readonly Service[] {
  const services = FOR_BACKEND[backend].filter((service) => withFelix || service !== 'felix')
  return withDockerNetworks ? [...services, 'libnetwork'] : services
}

/** One name a line. */
export const renderServices = (services: readonly Service[]): string => services.map((name) => `${name}\n`).join('')
