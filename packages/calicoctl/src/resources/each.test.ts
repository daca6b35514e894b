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
  ]
  for (const [why, documents, expected] of cases)
    test(why, () => assert.deepEqual(named(batchesOf(typed(...documents))), expected))
})

test('forEachResource() tells failures in the order of the file', async () => {
  const { errors } = await forEachResource(
    'apply',
    typed(...sets('a', 'b', 'c')),
    () =>
      async ({ metadata: { name } }) => {
        if (name === 'b') return
        await Promise.resolve()
        throw new Error(`no ${name}`)
      },
  )
  assert.deepEqual(errors, ['Hit error:', '- no a', '- no c'])
})

test('forEachResource() works on many at once, but not on all', async () => {
  let [now, most] = [0, 0]
  const names = Array.from({ length: 100 }, (_, i) => `s${i}`)
  const done: string[] = []
  await forEachResource('apply', typed(...sets(...names)), () => async ({ metadata: { name } }) => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setImmediate(resolve))
    done.push(name)
    now--
  })
  assert.equal(most, 32)
  assert.deepEqual(new Set(done), new Set(names))
})
