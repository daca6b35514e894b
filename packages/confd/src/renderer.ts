/**
 * From the facts to a configuration that BIRD accepts, without touching what is installed. When BIRD's check refuses the
 * whole, the resources that it refuses are found by halving and left out; the rest goes live. They come back by themselves,
 * because every change starts from the whole again.
 */
import { admit } from './install/admit.ts'
import type { Verdict } from './install/config-directory.ts'
import type { Facts, Problem, Surroundings } from './model/facts.ts'
import { buildView } from './model/view.ts'
import type { DaemonManifest } from './render/manifest.ts'
import { renderFiles, type FileSet } from './render/render.ts'
import type { Templates } from './render/templates.ts'

export type Rendered =
  | {
      readonly kind: 'ready'
      readonly files: FileSet
      /** Names of the BGP protocols in them. */
      readonly sessions: readonly string[]
      readonly problems: readonly Problem[]
      readonly logSeverity: string
    }
  | { readonly kind: 'not-ready'; readonly reason: string }

export interface RenderInput {
  readonly templates: Templates
  readonly daemon: DaemonManifest
  readonly facts: Facts
  readonly surroundings: Surroundings
}

/** The configuration of one daemon, as the facts are. @throws INVALID when a template cannot be rendered */
export function render({ templates, daemon, facts, surroundings }: RenderInput): Rendered {
  const built = buildView(daemon.ipVersion, facts, surroundings)
  if (built.kind === 'not-ready') return built
  const { view, ...rest } = built
  return { ...rest, files: renderFiles(templates, daemon, view), sessions: view.peers.map(({ name }) => name) }
}

export interface Judge {
  /** These files are in place: they passed before. */
  holds(files: FileSet): boolean
  check(files: FileSet): Promise<Verdict>
}

/** The check refuses even a configuration without resources: the templates are at fault. */
export type Refused = { readonly kind: 'refused'; readonly message: string }

/** As {@link render}, but what BIRD's check refuses is left out. */
export async function renderChecked(input: RenderInput, judge: Judge): Promise<Rendered | Refused> {
  const whole = render(input)
  if (whole.kind === 'not-ready' || judge.holds(whole.files)) return whole
  const verdict = await judge.check(whole.files)
  if (verdict.ok) return whole
  const candidates = removableResources(input.facts, input.surroundings.node)
  const attempt = (kept: readonly ResourceId[]): Rendered =>
    render({ ...input, facts: withOnly(input.facts, candidates, kept) })
  const found = await admit(candidates, async (kept) => {
    const rendered = attempt(kept)
    return rendered.kind === 'ready' && (await judge.check(rendered.files)).ok
  })
  if (found === undefined) return { kind: 'refused', message: verdict.message }
  const rendered = attempt(found.kept)
  if (rendered.kind === 'not-ready') return rendered
  const reason = `is left out: BIRD refuses the configuration with it (${verdict.message})`
  const refused = found.refused.map(({ kind, name }): Problem => ({ kind, name, reason }))
  return { ...rendered, problems: [...rendered.problems, ...refused] }
}

interface ResourceId {
  readonly kind: 'Node' | 'IPPool' | 'BGPPeer' | 'BGPFilter'
  readonly name: string
}

/**
 * What can be left out one by one. Not the node itself, and not a BGPConfiguration: without it the node would speak for
 * another AS. Peers come last, so that they meet the filters they name.
 */
function removableResources({ nodes, pools, filters, peers }: Facts, self: string): readonly ResourceId[] {
  const ids = (kind: ResourceId['kind'], map: ReadonlyMap<string, unknown>): ResourceId[] =>
    [...map.keys()].toSorted().map((name) => ({ kind, name }))
  const others = ids('Node', nodes).filter(({ name }) => name !== self)
  return [...others, ...ids('IPPool', pools), ...ids('BGPFilter', filters), ...ids('BGPPeer', peers)]
}

/** The facts without the candidates that are not kept. A filter that is left out counts as unreadable, not as absent. */
function withOnly(facts: Facts, candidates: readonly ResourceId[], kept: readonly ResourceId[]): Facts {
  const gone = new Set(candidates).difference(new Set(kept))
  const without = <R>(kind: ResourceId['kind'], map: ReadonlyMap<string, R>): ReadonlyMap<string, R> => {
    const names = new Set([...gone].filter((id) => id.kind === kind).map(({ name }) => name))
    return new Map([...map].filter(([name]) => !names.has(name)))
  }
  const filters = without('BGPFilter', facts.filters)
  return {
    ...facts,
    nodes: without('Node', facts.nodes),
    pools: without('IPPool', facts.pools),
    peers: without('BGPPeer', facts.peers),
    filters,
    brokenFilters: new Set([
      ...facts.brokenFilters,
      ...new Set(facts.filters.keys()).difference(new Set(filters.keys())),
    ]),
  }
}
