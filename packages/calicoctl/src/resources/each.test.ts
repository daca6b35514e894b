import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseDocuments } from './document.ts'
import { batchesOf, forEachResource } from './each.ts'
import { typeDocuments, type TypedDocument } from './typed.ts'

const sets = (...names: string[]): string[] =>
  names.map((name) => `{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: ${name}}}`)
const pool = (name: string, cidr: string): string =>
  `{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: ${name}}, spec: {cidr: ${cidr}}}`
const typed = (...documents: string[]): TypedDocument[] =>
  typeDocuments(parseDocuments('-', documents.join('\n---\n')), { namespace: undefined, allNamespaces: false }).typed
const named = (batches: TypedDocument[][]): string[] =>
  batches.map((batch) => batch.map(({ resource }) => resource.metadata.name).join(' '))

describe('batchesOf()', () => {
  const cases: [why: string, documents: string[], expected: string[]][] = [
    ['joins neighbours of one kind', sets('a', 'b', 'c'), ['a b c']],
    ['keeps the order of kinds', [...sets('a'), pool('p', '10.0.0.0/16'), ...sets('b')], ['a', 'p', 'b']],
    ['never joins pools', [pool('p', '10.0.0.0/16'), pool('q', '10.1.0.0/16')], ['p', 'q']],
    ['never joins two documents of one resource', sets('a', 'b', 'a', 'c'), ['a b', 'a c']],
    [
      'goes on after a batch is full',
      sets(...Array.from({ length: 18 }, (_, i) => `s${i}`)),
      [Array.from({ length: 16 }, (_, i) => `s${i}`).join(' '), 's16 s17'],
    ],
  ]
  for (const [why, documents, expected] of cases)
    test(why, () => assert.deepEqual(named(batchesOf(typed(...documents))), expected))
})

test('forEachResource() tells failures in the order of the file', async () => {
  const { errors } = await forEachResource('apply', typed(...sets('a', 'b', 'c')), async ({ metadata: { name } }) => {
    if (name === 'b') return
    await Promise.resolve()
    throw new Error(`no ${name}`)
  })
  assert.deepEqual(errors, ['Hit error:', '- no a', '- no c'])
})
