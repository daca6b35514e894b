// The truth tables of the specification, as literal rows: for the reference semantics, and for the kernel under Felix.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { FAILSAFE, VARIANTS } from './kernel/felix-node.ts'
import { NODE, Scene } from './kernel/scene.ts'
import { HOST_IPS, UPLINK } from './kernel/wires.ts'
import { hostFacts, Reference } from './questions.ts'
import { EVALUATION } from './truth/evaluation.ts'
import { HOST_ENDPOINTS } from './truth/host.ts'
import { RULES } from './truth/rules.ts'
import { describeRow, shotOf, STRANGER, STRANGER_IPS, type Table, WORKLOADS } from './truth/table.ts'

const TABLES: readonly Table[] = [...EVALUATION, ...RULES, ...HOST_ENDPOINTS]
const BY_SETTING = Map.groupBy(TABLES, ({ endpointToHostAction = 'Drop' }) => endpointToHostAction)

describe('truth tables: the reference', () => {
  for (const { title, resources, rows, endpointToHostAction = 'Drop' } of TABLES) {
    test(title, () => {
      const reference = new Reference(
        resources,
        hostFacts({ node: NODE, uplink: UPLINK, ips: HOST_IPS, endpointToHostAction, failsafe: FAILSAFE }),
      )
      for (const row of rows) {
        const { packet, from, to } = shotOf(row)
        const verdict = reference.ask(packet, from, to)
        assert.equal(verdict.action, row[3], `${describeRow(row)}: ${JSON.stringify(verdict.stages.at(-1))}`)
      }
    })
  }
})

for (const variant of VARIANTS) {
  for (const [endpointToHostAction, tables] of BY_SETTING) {
    describe(`truth tables: the kernel, iptables-${variant}, to its host ${endpointToHostAction}`, () => {
      let scene: Scene
      before(async () => {
        const env = { FELIX_REMOVEEXTERNALROUTES: 'false' }
        scene = await Scene.create({ variant, workloads: WORKLOADS, strangers: [STRANGER], endpointToHostAction, env })
        for (const ip of STRANGER_IPS) {
          execFileSync('ip', ['route', 'add', ip, 'dev', STRANGER, 'proto', 'static'])
          scene.wires.addNeighbour(STRANGER, ip)
        }
        await scene.start([])
      })
      after(async () => scene.stop())

      for (const { title, resources, rows } of tables) {
        test(title, async () => {
          await scene.felix.apply(resources)
          const { verdicts, mismatches, late } = await scene.compare(resources, rows.map(shotOf))
          assert.deepEqual(mismatches, [])
          assert.deepEqual(rows.filter((row, at) => row[3] !== verdicts[at]?.action).map(describeRow), [])
          assert.equal(late, 0, 'Felix said that it was done, and was not')
        })
      }
    })
  }
}
