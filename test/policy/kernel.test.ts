// The connectivity cases against the real kernel: real connections between nine workloads, a node under Felix, and an outside.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { afterStep, CASES, type Check, checksOf, fixture, NODE } from './cases.ts'
import { FelixNode, VARIANTS } from './kernel/felix-node.ts'
import { forgetFlows } from './kernel/flows.ts'
import { NineWorkloads } from './kernel/nine-workloads.ts'

const DEADLINE = { deadlineMs: 30_000, pollMs: 50 }
/** Until the second look. */
const AGAIN_MS = 300

describe('connectivity cases', () => {
  let workloads: NineWorkloads
  before(async () => (workloads = await NineWorkloads.start()))
  after(async () => workloads.stop())

  const wrong = async (checks: readonly Check[]): Promise<string[]> => {
    const results = await Promise.all(checks.map(async (check) => ({ check, holds: await workloads.holds(check) })))
    return results.filter(({ holds }) => !holds).map(({ check }) => describeCheck(check))
  }
  /** Waits until all come out as they should, and looks again: all denials, and the connections that stayed. */
  const expectAll = async (checks: readonly Check[]): Promise<void> => {
    let open = checks
    await waitFor(
      'the connectivity',
      async () => {
        forgetFlows()
        const results = await Promise.all(open.map(async (check) => ({ check, holds: await workloads.holds(check) })))
        open = results.filter(({ holds }) => !holds).map(({ check }) => check)
        if (open.length > 0) throw new Error(`otherwise: ${open.map(describeCheck).join(', ')}`)
        return true
      },
      DEADLINE,
    )
    await sleep(AGAIN_MS)
    assert.deepEqual(await wrong(checks.filter(({ result }) => result === 'deny')), [], 'passed at the second look')
  }

  for (const variant of VARIANTS) {
    describe(`iptables-${variant}`, () => {
      let felix: FelixNode
      before(async () => {
        felix = await FelixNode.create({ node: NODE, variant })
        await felix.put(fixture())
        felix.startFelix()
        await felix.inSync()
      })
      after(async () => felix.stop())

      for (const { id, title, steps, workloadOverrides } of CASES) {
        test(`${id}: ${title}`, async () => {
          let resources = fixture(workloadOverrides)
          for (const step of steps) {
            resources = afterStep(resources, step)
            await felix.apply(resources)
            await expectAll(checksOf(step))
          }
        })
      }
    })
  }
})

const describeCheck = ({ from, to, protocol, port, result }: Check): string =>
  `${from} -> ${to} ${protocol}/${port} ${result}`
