import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { admit } from './admit.ts'

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('admit()', () => {
  test('keeps exactly what does not offend, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.uniqueArray(fc.nat(59)), async (n, offenders) => {
        const passes = async (kept: readonly number[]): Promise<boolean> => !kept.some((x) => offenders.includes(x))
        const found = await admit(numbers(n), passes)
        assert.deepEqual(
          found?.kept,
          numbers(n).filter((x) => !offenders.includes(x)),
        )
        assert.deepEqual(
          found?.refused.toSorted((a, b) => a - b),
          numbers(n).filter((x) => offenders.includes(x)),
        )
      }),
    )
  })

  test('finds one among 1000 in some 20 tests', async () => {
    let tests = 0
    await admit(numbers(1000), async (kept) => (tests++, !kept.includes(777)))
    assert.ok(tests <= 22, `${tests} tests`)
  })

  test('of two that do not go together it keeps the first', async () => {
    const found = await admit(numbers(10), async (kept) => !(kept.includes(2) && kept.includes(7)))
    assert.deepEqual(found?.refused, [7])
  })

  test('says when the fault is not in the candidates', async () => {
    assert.equal(await admit(numbers(10), async () => false), undefined)
  })
})
