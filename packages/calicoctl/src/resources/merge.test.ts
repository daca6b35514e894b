import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mergePatch } from './merge.ts'

describe('mergePatch()', () => {
  const cases: [why: string, target: unknown, patch: unknown, expected: unknown][] = [
    ['sets a field and keeps its siblings', { spec: { a: 1, b: 2 } }, { spec: { a: 3 } }, { spec: { a: 3, b: 2 } }],
    ['removes what is null', { spec: { a: 1, b: 2 } }, { spec: { a: null } }, { spec: { b: 2 } }],
    ['replaces lists whole', { l: [1, 2] }, { l: [3] }, { l: [3] }],
    ['makes objects on the way', {}, { a: { b: { c: 1 } } }, { a: { b: { c: 1 } } }],
    ['does not keep nulls of new objects', {}, { a: { b: null } }, { a: {} }],
  ]
  for (const [why, target, patch, expected] of cases)
    test(why, () => assert.deepEqual(mergePatch(target, patch), expected))
})
