import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ReachableChains } from './reachable-chains.ts'

const reached = (chains: ReachableChains): string[] => [...chains.names()].toSorted()

describe('ReachableChains', () => {
  test('reaches what a hook leads to, however the chains were set', () => {
    const chains = new ReachableChains()
    chains.setTargets('policy', [])
    chains.setTargets('endpoint', ['policy', 'policy'])
    chains.setTargets('unused', ['policy'])
    assert.deepEqual(reached(chains), [])
    chains.setRoots('FORWARD', ['endpoint'])
    assert.deepEqual(reached(chains), ['endpoint', 'policy'])
    chains.setRoots('FORWARD', [])
    assert.deepEqual(reached(chains), [])
  })
  test('names a chain that is reached but was never set', () => {
    const chains = new ReachableChains()
    chains.setRoots('INPUT', ['missing'])
    assert.ok(chains.has('missing'))
  })
  test('reports each change once, and none for what stays in use', () => {
    const chains = new ReachableChains()
    chains.setTargets('a', ['shared', 'old'])
    chains.setRoots('FORWARD', ['a'])
    assert.deepEqual(new Set(chains.takeChanged()), new Set(['a', 'shared', 'old']))
    chains.setTargets('a', ['shared', 'new'])
    assert.deepEqual(new Set(chains.takeChanged()), new Set(['old', 'new']))
    assert.deepEqual(chains.takeChanged(), [])
  })

  test('agrees with a walk from the hooks after any sequence of changes', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    // A chain jumps only to later ones: iptables refuses loops.
    const step = fc.tuple(fc.nat(names.length), fc.subarray(names)).map(([at, targets]) => ({
      chain: names[at],
      targets: targets.filter((name) => at === names.length || name > (names[at] ?? '')),
    }))
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const chains = new ReachableChains()
        const edges = new Map<string | undefined, string[]>()
        for (const { chain, targets } of steps) {
          edges.set(chain, targets)
          if (chain === undefined) chains.setRoots('FORWARD', targets)
          else chains.setTargets(chain, targets)
        }
        const walk = (from: string | undefined): string[] => (edges.get(from) ?? []).flatMap((to) => [to, ...walk(to)])
        assert.deepEqual(reached(chains), [...new Set(walk(undefined))].toSorted())
      }),
    )
  })
})
