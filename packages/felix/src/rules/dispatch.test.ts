import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Chain, Rule } from '@calico-node/linux'
import fc from 'fast-check'
import { dispatchChains } from './dispatch.ts'
import { DROP, rule } from './vocabulary.ts'

const OTHERWISE = [rule([], DROP, 'Unknown interface')]
const dispatch = (names: Iterable<string>): Chain[] =>
  dispatchChains({
    root: 'cali-from-wl-dispatch',
    direction: 'from',
    targets: new Map([...names].map((name) => [name, `to ${name}`])),
    otherwise: OTHERWISE,
  })

/** Walks the tree as the kernel does. @returns The chain of the workload or `drop`, and how many rules were looked at. */
function walk(chains: readonly Chain[], name: string): { target: string; steps: number } {
  const byName = new Map(chains.map((chain) => [chain.name, chain]))
  let rules: readonly Rule[] = chains[0]?.rules ?? []
  for (let steps = 1, index = 0; ; steps++, index++) {
    const { match, action } = rules[index] ?? assert.fail('fell off the end of a chain')
    const hit = match.every((one) => one.kind === 'in-interface' && matches(one.name, name))
    if (!hit) continue
    if (action.kind !== 'goto') return { target: action.kind, steps }
    const next = byName.get(action.chain)
    if (next === undefined) return { target: action.chain, steps }
    rules = next.rules
    index = -1
  }
}
const matches = (pattern: string, name: string): boolean =>
  pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern

const hexNames = (count: number): string[] =>
  Array.from(
    { length: count },
    (_, i) =>
      `cali${Math.imul(i + 1, 2654435761)
        .toString(16)
        .replace('-', '')
        .padStart(8, '0')}${i.toString(16)}`,
  )

const names = fc.uniqueArray(
  fc.string({ unit: fc.constantFrom('0', '1', '2', 'a', 'b', '-', '.'), maxLength: 8 }).map((tail) => `cali${tail}`),
  { maxLength: 60 },
)

describe('dispatchChains()', () => {
  test('every name finds its chain, and no other name finds one', () => {
    fc.assert(
      fc.property(names, names, (known, asked) => {
        const chains = dispatch(known)
        for (const name of [...known, ...asked])
          assert.equal(walk(chains, name).target, known.includes(name) ? `to ${name}` : 'drop')
      }),
    )
  })

  test('chain names are distinct and fit iptables', () => {
    fc.assert(
      fc.property(names, (known) => {
        const chains = dispatch(known).map(({ name }) => name)
        assert.equal(new Set(chains).size, chains.length)
        assert.ok(
          chains.every((name) => name.length <= 28),
          chains.join(),
        )
      }),
    )
  })

  test('a longer root gets a flatter tree', () => {
    const root = 'cali-from-host-endpoint'
    const targets = new Map(Array.from({ length: 40 }, (_, i) => [`e${'x'.repeat(i % 9)}${i}`, `to ${i}`]))
    const chains = dispatchChains({ root, direction: 'from', targets, otherwise: OTHERWISE })
    assert.ok(
      chains.every(({ name }) => name.length <= 28),
      chains.map(({ name }) => name).join(),
    )
    for (const [name, target] of targets) assert.equal(walk(chains, name).target, target)
  })

  test('ten thousand interfaces are told apart in some forty rules', () => {
    const known = hexNames(10_000)
    const chains = dispatch(known)
    const steps = known.map((name) => walk(chains, name).steps)
    assert.ok(Math.max(...steps) < 70, `at most ${Math.max(...steps)}`)
    const mean = steps.reduce((sum, each) => sum + each, 0) / steps.length
    assert.ok(mean < 40, `on average ${mean}`)
  })

  test('without any interface the root drops everything', () => {
    assert.deepEqual(dispatch([]), [{ name: 'cali-from-wl-dispatch', rules: OTHERWISE }])
  })

  test('a name that is the start of all others has a rule of its own', () => {
    const known = ['cali1', ...Array.from({ length: 9 }, (_, i) => `cali1${i}`)]
    const chains = dispatch(known)
    for (const name of known) assert.equal(walk(chains, name).target, `to ${name}`)
  })
})
