import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nearestName } from './nearest.ts'

describe('nearestName()', () => {
  const cases: [why: string, word: string, known: string[], expected: string | undefined][] = [
    ['finds a dropped letter', 'natOutgoin', ['natOutgoing', 'nodeSelector'], 'natOutgoing'],
    ['counts swapped neighbours once', 'icdr', ['cidr', 'acdr2'], 'cidr'],
    ['ignores case', 'NATOUTGOING', ['natOutgoing'], 'natOutgoing'],
    ['prefers the nearest', 'pools', ['pool', 'poolses'], 'pool'],
    ['stays silent when nothing is near', 'zzzz', ['cidr', 'natOutgoing'], undefined],
    ['stays silent for an empty list', 'cidr', [], undefined],
  ]
  for (const [why, word, known, expected] of cases) {
    test(why, () => assert.equal(nearestName(word, known), expected))
  }
})
