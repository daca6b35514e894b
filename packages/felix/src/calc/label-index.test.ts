import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type LabelSource, parseSelector } from '@calico-node/selector'
import fc from 'fast-check'
import type { Labelled, Labels } from './inputs.ts'
import { LabelIndex } from './label-index.ts'

interface Item extends Labelled {
  readonly note: string
}

/** An index and the matches that follow from what its listener was told. */
class Watched {
  readonly told: string[] = []
  readonly matches = new Set<string>()
  readonly index = new LabelIndex<Item>((selector, before, after) => {
    this.told.push(`${selector} ${before?.note ?? '-'} ${after?.note ?? '-'}`)
    const name = (before ?? after)?.note.replace(/\d$/, '') ?? ''
    assert.equal(this.matches.has(`${selector} ${name}`), before !== undefined, 'what was told before')
    if (after === undefined) this.matches.delete(`${selector} ${name}`)
    else this.matches.add(`${selector} ${name}`)
  })
  takeTold(): string[] {
    return this.told.splice(0).toSorted()
  }
}

const item = (note: string, labels: Record<string, string>, parents: string[] = []): Item => ({
  note,
  labels: new Map(Object.entries(labels)),
  parents,
})

describe('LabelIndex', () => {
  test('tells of matches that begin, go on and end', () => {
    const { index, takeTold } = bound(new Watched())
    index.setSelector('red', parseSelector("colour == 'red'"))
    index.setSelector('any', parseSelector('all()'))
    index.setItem('a', item('a1', { colour: 'red' }))
    assert.deepEqual(takeTold(), ['any - a1', 'red - a1'])
    index.setItem('a', item('a2', { colour: 'red', size: 'xl' }))
    assert.deepEqual(takeTold(), ['any a1 a2', 'red a1 a2'])
    index.setItem('a', item('a3', { colour: 'blue' }))
    assert.deepEqual(takeTold(), ['any a2 a3', 'red a2 -'])
    index.setItem('a', undefined)
    assert.deepEqual(takeTold(), ['any a3 -'])
  })

  test('a new selector finds the items that are there, a changed one only the difference', () => {
    const { index, takeTold } = bound(new Watched())
    index.setItem('a', item('a', { colour: 'red' }))
    index.setItem('b', item('b', { colour: 'blue' }))
    index.setSelector('s', parseSelector("colour == 'red'"))
    assert.deepEqual(takeTold(), ['s - a'])
    index.setSelector('s', parseSelector("colour in {'red', 'blue'}"))
    assert.deepEqual(takeTold(), ['s - b', 's a a'])
    index.setSelector('s', undefined)
    assert.deepEqual(takeTold(), ['s a -', 's b -'])
  })

  test('own labels win over inherited ones, earlier parents over later ones', () => {
    const { index, takeTold } = bound(new Watched())
    index.setSelector('x1', parseSelector("x == '1'"))
    index.setSelector('x2', parseSelector("x == '2'"))
    index.setParent('p', new Map([['x', '1']]))
    index.setParent('q', new Map([['x', '2']]))
    index.setItem('own', item('own', { x: '2' }, ['p']))
    index.setItem('pq', item('pq', {}, ['p', 'q']))
    index.setItem('qp', item('qp', {}, ['missing', 'q', 'p']))
    assert.deepEqual(takeTold(), ['x1 - pq', 'x2 - own', 'x2 - qp'])
    index.setParent('p', undefined)
    assert.deepEqual(takeTold(), ['x1 pq -', 'x2 - pq', 'x2 own own', 'x2 qp qp'])
  })

  test('a change asks only the selectors that could be concerned', () => {
    const { index } = bound(new Watched())
    const asked: string[] = []
    for (const text of ["a == '1'", "a == '2'", 'has(b)', "c == '1' && d == '1'"]) {
      const selector = parseSelector(text)
      index.setSelector(text, { ...selector, matches: (labels) => asked.push(text) > 0 && selector.matches(labels) })
    }
    index.setItem('i', item('i', { a: '1', d: '1' }))
    assert.deepEqual(asked, ["a == '1'"])
  })

  test('what an item has left behind concerns it no longer', () => {
    const { index } = bound(new Watched())
    let asked = 0
    const counting = (text: string) => {
      const selector = parseSelector(text)
      return { ...selector, matches: (labels: LabelSource) => ++asked > 0 && selector.matches(labels) }
    }
    index.setItem('i', item('i', { a: '1' }, ['p']))
    index.setItem('i', item('i', { b: '1' }, []))
    index.setSelector('a', counting('has(a)'))
    index.setSelector('c', counting('has(c)'))
    index.setParent('p', new Map([['c', '1']]))
    assert.equal(asked, 0)
  })

  const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'), { maxKeys: 3 })
  const selector = fc.constantFrom(
    'all()',
    "a == '1'",
    "a != '1'",
    "a in {'1', '2'}",
    "b not in {'1'}",
    'has(b)',
    '!has(c)',
    "a == '1' && b == '2'",
    "a == '1' || b == '1'",
    "!(a == '2')",
    "a contains '1'",
    'a in {}',
  )
  const step = fc.oneof(
    fc.record({
      op: fc.constant('item'),
      id: fc.constantFrom('i', 'j', 'k'),
      labels: fc.option(labels),
      parents: fc.subarray(['p', 'q']),
    }),
    fc.record({ op: fc.constant('parent'), id: fc.constantFrom('p', 'q'), labels: fc.option(labels) }),
    fc.record({ op: fc.constant('selector'), id: fc.constantFrom('s', 't', 'u'), text: fc.option(selector) }),
  )

  test('what was told adds up to what matches, whatever happened', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const watched = new Watched()
        const state = {
          items: new Map<string, Item>(),
          parents: new Map<string, Labels>(),
          selectors: new Map<string, string>(),
        }
        for (const one of steps) {
          if ('text' in one) {
            watched.index.setSelector(one.id, one.text === null ? undefined : parseSelector(one.text))
            change(state.selectors, one.id, one.text ?? undefined)
          } else if ('parents' in one) {
            const value = one.labels === null ? undefined : item(one.id, one.labels, one.parents)
            watched.index.setItem(one.id, value)
            change(state.items, one.id, value)
          } else {
            const value = one.labels === null ? undefined : new Map(Object.entries(one.labels))
            watched.index.setParent(one.id, value)
            change(state.parents, one.id, value)
          }
        }
        assert.deepEqual([...watched.matches].toSorted(), naive(state))
      }),
      { numRuns: 500 },
    )
  })
})

const bound = (watched: Watched) => ({ index: watched.index, takeTold: () => watched.takeTold() })

function change<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}

interface State {
  readonly items: ReadonlyMap<string, Item>
  readonly parents: ReadonlyMap<string, Labels>
  readonly selectors: ReadonlyMap<string, string>
}

/** Every selector against every item, from nothing. */
function naive({ items, parents, selectors }: State): string[] {
  const pairs = [...selectors].flatMap(([id, text]) =>
    [...items.values()]
      .filter((one) => {
        const inherited = one.parents.toReversed().flatMap((parent) => [...(parents.get(parent) ?? [])])
        return parseSelector(text).matches(new Map([...inherited, ...one.labels]))
      })
      .map((one) => `${id} ${one.note}`),
  )
  return pairs.toSorted()
}
