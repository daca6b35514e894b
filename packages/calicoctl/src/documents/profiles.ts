/** Profiles under the names that people gave them. */
import { CalicoError, nearestName } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { makeResource, type ProfileResource } from '@calico-node/model'
import { resourceName, shownName } from './names.ts'

/** Letters of a name in the documents' generation. */
const TYPED = /^[a-zA-Z0-9_.-]{1,63}$/

export function checkProfileName(typed: string): string {
  if (TYPED.test(typed)) return typed
  throw new CalicoError('INVALID', `Cannot name a profile "${typed}": want 1 to 63 of the characters a-z A-Z 0-9 _ . -`)
}

/**
 * The profile of a new name: it carries a label of that name, lets in everybody who carries the label too, and lets
 * everything out.
 */
export function newProfile(typed: string): ProfileResource {
  const { name, annotations } = resourceName(checkProfileName(typed))
  return makeResource(
    'Profile',
    { name, annotations },
    {
      labelsToApply: { [typed]: '' },
      ingress: [{ action: 'Allow', source: { selector: `has(${typed})` } }],
      egress: [{ action: 'Allow' }],
    },
  )
}

/** @throws NOT_FOUND with the nearest name there is */
export async function getProfile(client: CalicoClient, typed: string): Promise<ProfileResource> {
  const found = await client.resources('Profile').find(resourceName(typed).name)
  if (found !== undefined) return found
  const near = nearestName(typed, (await client.resources('Profile').list()).map(shownName))
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`
  throw new CalicoError('NOT_FOUND', `Profile with name ${typed} was not found.${hint}`, {
    context: { profile: typed },
  })
}

/** Changes a stored profile, whatever happens to it meanwhile. @throws NOT_FOUND */
export async function changeProfile(
  client: CalicoClient,
  typed: string,
  change: (spec: ProfileResource['spec']) => ProfileResource['spec'],
): Promise<void> {
  const { metadata } = await getProfile(client, typed)
  await client
    .resources('Profile')
    .modify(metadata.name, undefined, (stored) => ({ ...stored, spec: change(stored.spec) }))
}

/** Names of profiles for people. */
export async function shownProfiles(client: CalicoClient): Promise<(name: string) => string> {
  const profiles = await client.resources('Profile').list()
  const names = new Map(profiles.map((profile): [string, string] => [profile.metadata.name, shownName(profile)]))
  return (name) => names.get(name) ?? name
}
