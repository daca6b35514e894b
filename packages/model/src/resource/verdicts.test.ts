/** Documents that a real calicoctl (3.22) accepted or refused: ours gives the same verdict and names the same field. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CalicoError } from '@calico-node/core'
import { poolOverlapProblems } from '../kinds/ip-pool.ts'
import type { Problem } from '../schema/problem.ts'
import { makeResource, parseResource } from './parse.ts'
import { prepareUpdate } from './prepare.ts'
import type { Resource } from './resource.ts'

interface Case {
  readonly title: string
  readonly document: unknown
  readonly accepted: boolean
  readonly field?: string
}
const { cases }: { cases: Case[] } = JSON.parse(
  readFileSync(new URL('../testdata/validation.json', import.meta.url), 'utf8'),
)

/** What stood in the datastore. */
const pools = [
  makeResource('IPPool', { name: 'pool-a' }, { cidr: '10.65.0.0/16', blockSize: 27 }),
  makeResource('IPPool', { name: 'pool-six' }, { cidr: 'fd80:65::/48' }),
]

/** Titles whose field calicoctl named in other words, or not at all, with ours. */
const OUR_FIELD: Record<string, string> = {
  'pool: change of cidr': 'spec.cidr',
  'node: AS out of range': 'spec.bgp.asNumber',
  'bgpconfig: bad community': 'spec.communities[0].value',
  'peer: peerIP and peerSelector': 'spec.peerSelector',
  'policy: port range upside down': 'spec.ingress[0].destination.ports[0]',
  'policy: preDNAT with egress': 'spec.egress',
  'policy: unknown field': 'spec.ingres',
  'policy: protocol 300': 'spec.ingress[0].protocol',
  'policy: name with underscore': 'metadata.name',
  'policy: name too long': 'metadata.name',
  'networkpolicy: applyOnForward unknown': 'spec.applyOnForward',
  'networkpolicy: named port odd': 'spec.ingress[0].destination.ports[0]',
  'kind unknown': 'kind',
  'apiVersion unknown': 'apiVersion',
}

function problemsIn(document: unknown): readonly Problem[] {
  try {
    const resource = parseResource(document)
    if (resource.kind === 'IPPool') checkPool(resource)
    return []
  } catch (err) {
    assert.ok(err instanceof CalicoError && err.code === 'INVALID', String(err))
    const { problems } = err.context
    assert.ok(Array.isArray(problems) && problems.length > 0)
    return problems
  }
}

function checkPool(pool: Resource<'IPPool'>): void {
  const stored = pools.find(({ metadata }) => metadata.name === pool.metadata.name)
  if (stored !== undefined) prepareUpdate(pool, stored)
  const named = (item: Resource<'IPPool'>) => ({ name: item.metadata.name, cidr: item.spec.cidr })
  const problems = [...poolOverlapProblems(named(pool), pools.map(named))]
  if (problems.length > 0) throw new CalicoError('INVALID', 'overlap', { context: { problems } })
}

const lastWord = (path: string): string =>
  path
    .toLowerCase()
    .replaceAll(/\[\d+\]/g, '')
    .split('.')
    .at(-1) ?? ''

for (const { title, document, accepted, field } of cases) {
  test(`${title}: ${accepted ? 'accepted' : 'refused'}`, () => {
    const problems = problemsIn(document)
    if (accepted) return assert.deepEqual(problems, [])
    const wanted = OUR_FIELD[title] ?? field
    assert.ok(wanted)
    assert.ok(
      problems.some((problem) => problem.field === wanted || problem.field.toLowerCase().includes(lastWord(wanted))),
      `${JSON.stringify(problems)} do not name ${wanted}`,
    )
    for (const problem of problems) assert.ok(problem.reason.length > 5, 'a reason is a sentence')
  })
}

test('every case was seen, and every exception belongs to one', () => {
  assert.equal(cases.length, 50)
  const titles = new Set(cases.map(({ title }) => title))
  for (const title of Object.keys(OUR_FIELD)) assert.ok(titles.has(title), title)
})
