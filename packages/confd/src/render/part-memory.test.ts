import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PartMemory } from './part-memory.ts'

/** With a count of what was really printed. */
function counted(): { readonly memory: PartMemory; readonly printed: () => number } {
  let count = 0
  const print = (item: unknown): string => `${++count}:${JSON.stringify(item)} `
  return { memory: new PartMemory(print), printed: () => count }
}
const items = (count: number): { n: number }[] => Array.from({ length: count }, (_, n) => ({ n }))

describe('PartMemory', () => {
  test('prints in order, and one that it knows not again', () => {
    const { memory, printed } = counted()
    assert.equal(memory.printAll([{ n: 1 }, { n: 2 }]), '1:{"n":1} 2:{"n":2} ')
    assert.equal(memory.printAll([{ n: 2 }, { n: 3 }, { n: 1 }]), '2:{"n":2} 3:{"n":3} 1:{"n":1} ')
    assert.equal(printed(), 3)
  })
  test('one node more among 500 is one text more', () => {
    const { memory, printed } = counted()
    memory.printAll(items(500))
    memory.printAll(items(501))
    assert.equal(printed(), 501)
  })
  test('does not grow without end', () => {
    const { memory, printed } = counted()
    for (let n = 0; n < 5000; n++) memory.printAll([{ n }])
    memory.printAll([{ n: 0 }])
    assert.equal(printed(), 5001, 'the first was forgotten')
  })
})
