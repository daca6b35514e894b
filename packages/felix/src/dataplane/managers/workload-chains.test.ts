import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Chain } from '@calico-node/linux'
import fc from 'fast-check'
import { resolveFelixConfig } from '../../config/resolve.ts'
import { ruleSettings } from '../../rules/settings.ts'
import type { DataplaneOp } from '../ops.ts'
import type { ManagerContext } from './manager.ts'
import { WorkloadChains } from './workload-chains.ts'

const context: ManagerContext = {
  versions: [4],
  settings: ruleSettings(resolveFelixConfig([]).config),
  maxSetElements: 100,
}
const policed = (policy: number) => ({
  tiers: [{ name: 'default', defaultAction: 'Deny' as const, ingress: [`p${policy}`], egress: [] }],
  profiles: [],
})

/** What stands after these ops. */
function apply(standing: Map<string, Chain>, ops: readonly DataplaneOp[]): void {
  for (const op of ops) {
    if (op.kind === 'chain.set') standing.set(op.chain.name, op.chain)
    else if (op.kind === 'chain.remove') standing.delete(op.name)
    else assert.fail(op.kind)
  }
}

const interfaces = fc.string({ unit: fc.constantFrom('0', '1', '2', 'a'), maxLength: 4 }).map((tail) => `cali${tail}`)
const changes = fc.array(fc.tuple(interfaces, fc.option(fc.nat(3), { nil: undefined })), { maxLength: 60 })

test('whatever the path, the chains are those of the interfaces as they stand', () => {
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 5 }), (passes) => {
      const [chains, standing] = [new WorkloadChains(context), new Map<string, Chain>()]
      const last = new Map<string, number>()
      apply(standing, chains.takeOps())
      for (const pass of passes) {
        for (const [name, policy] of pass) {
          chains.set(name, policy === undefined ? undefined : policed(policy))
          if (policy === undefined) last.delete(name)
          else last.set(name, policy)
        }
        apply(standing, chains.takeOps())
      }
      const [fresh, wanted] = [new WorkloadChains(context), new Map<string, Chain>()]
      for (const [name, policy] of last) fresh.set(name, policed(policy))
      apply(wanted, fresh.takeOps())
      assert.deepEqual(standing, wanted)
    }),
  )
})

test('one of a thousand interfaces that turns sends one chain of the tree', () => {
  const chains = new WorkloadChains(context)
  for (let at = 0; at < 1000; at++) chains.set(`cali${(at * 2_654_435_761).toString(16).slice(-8)}`, policed(0))
  chains.takeOps()
  chains.set('cali0', policed(0))
  chains.takeOps()
  chains.set('cali0', policed(1))
  const sent = chains.takeOps().flatMap((op) => (op.kind === 'chain.set' ? [op.chain] : []))
  assert.equal(sent.filter(({ name }) => name.includes('dispatch')).length, 1)
  assert.ok(sent.every(({ rules }) => rules.length < 20))
})
