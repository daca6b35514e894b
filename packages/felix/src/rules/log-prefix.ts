import type { PolicyId, ProfileId } from '../calc/messages.ts'

export type RuleOwner =
  | { readonly kind: 'policy'; readonly id: PolicyId }
  | { readonly kind: 'profile'; readonly id: ProfileId }

/**
 * The text before each logged packet.
 *
 * @param template May hold `%t` (tier), `%k` (kind: gnp, np, pro), `%n` (name), `%p` (namespace/name).
 */
export function logPrefix(template: string, owner: RuleOwner): string {
  const values = describe(owner)
  return `${template.replace(/%([tknp])/g, (whole, letter: string) => values.get(letter) ?? whole)}: `
}

function describe(owner: RuleOwner): ReadonlyMap<string, string> {
  const fields = (tier: string, kind: string, name: string, path: string): ReadonlyMap<string, string> =>
    new Map([
      ['t', tier],
      ['k', kind],
      ['n', name],
      ['p', path],
    ])
  if (owner.kind === 'profile') return fields('', 'pro', owner.id, owner.id)
  const [tier = '', ...path] = owner.id.split('/')
  return fields(tier, path.length > 1 ? 'np' : 'gnp', path.at(-1) ?? '', path.join('/'))
}
