import { API_VERSION, type ProfileResource } from './resource.ts'

export const DEFAULT_ALLOW_PROFILE = 'projectcalico-default-allow'

/** Never stored and always there: reading finds it, creating it fails, changing it is not supported. */
export const defaultAllowProfile = (): ProfileResource => {
  const allow = { action: 'Allow', source: {}, destination: {} } as const
  return {
    apiVersion: API_VERSION,
    kind: 'Profile',
    metadata: { name: DEFAULT_ALLOW_PROFILE, resourceVersion: '1' },
    spec: { ingress: [allow], egress: [allow] },
  }
}
