// A change costs what it touches, not what the cluster holds: the same change in a small and in a ten times larger cluster
// runs the same number of blocks of code, as V8 counts them.
import assert from 'node:assert/strict'
import { Session } from 'node:inspector/promises'
import { after, before, describe, test } from 'node:test'
import { parseNodeName } from '@calico-node/model'
import { CalcGraph } from './graph.ts'
import { changes, CONFIG, type DataState, stored, workload } from './graph-testing.ts'
import { ValidationFilter } from './validation-filter.ts'

const SIZES = [300, 3000] as const
const LOCAL = 20
/** As many workloads have one app, whatever the size. */
const IN_APP = 6
const TEAMS = 10

const numbered = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
const endpoint = (at: number, labels: Record<string, string> = {}): [string, string] =>
  workload(`w${at}`, {
    node: at < LOCAL ? 'here' : `node${at % 40}`,
    ips: [`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`],
    labels: { app: `app${Math.floor(at / IN_APP)}`, ...labels },
    profiles: [`team${at % TEAMS}`],
  })
const policy = (at: number, port = 80): [string, string] =>
  stored('globalnetworkpolicies', `default.p${at}`, {
    selector: `app == 'app${at}'`,
    types: ['Ingress'],
    ingress: [
      {
        action: 'Allow',
        protocol: 'TCP',
        source: { selector: `app in {'app${at + 1}', 'app${at + 2}'} && !has(bad)` },
        destination: { ports: [port] },
      },
    ],
  })
const netset = (...nets: readonly string[]): [string, string] =>
  stored('globalnetworksets', 'outside', { nets }, { labels: { app: 'app1' } })
const clusterOf = (size: number): DataState =>
  new Map([
    stored('tiers', 'default', { order: 1 }),
    ...numbered(TEAMS, (at) => stored('profiles', `team${at}`, { labelsToApply: { team: `t${at}` } })),
    ...numbered(size, (at) => endpoint(at)),
    ...numbered(size / IN_APP, (at) => policy(at)),
    netset('198.51.100.0/24'),
  ])

/** Runs blocks of our own code are counted by. */
class BlockCounter {
  readonly #session = new Session()

  async start(): Promise<void> {
    this.#session.connect()
    await this.#session.post('Profiler.enable')
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  async during(work: () => void): Promise<number> {
    await this.#session.post('Profiler.takePreciseCoverage') // begins to count anew
    work()
    const { result } = await this.#session.post('Profiler.takePreciseCoverage')
    return result
      .filter(({ url }) => /\/(?:felix|selector|model)\/src\//.test(url))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)))
      .reduce((sum, count) => sum + count, 0)
  }

  stop(): void {
    this.#session.disconnect()
  }
}

type Change = readonly [what: string, entries: readonly (readonly [string, string | undefined])[]]
const REMOTE = LOCAL + 40
const CHANGES: readonly Change[] = [
  ['a label of a local endpoint', [endpoint(1, { app: 'app7' })]],
  ['a label of a remote endpoint that a set of this host holds', [endpoint(IN_APP + 2, { bad: '' })]],
  ['a label of a remote endpoint', [endpoint(REMOTE, { other: 'x' })]],
  ['an endpoint that goes', [[endpoint(2)[0], undefined]]],
  ['an endpoint that comes', [endpoint(2)]],
  ['rules of a policy in use', [policy(1, 443)]],
  ['a policy for a local endpoint', [stored('globalnetworkpolicies', 'default.new', { selector: "app == 'app0'" })]],
  ['members of a set', [netset('198.51.100.0/24', '203.0.113.0/24')]],
]

describe('the cost of a change', () => {
  const counter = new BlockCounter()
  before(async () => counter.start())
  after(() => counter.stop())

  test('does not depend on the size of the cluster', async (t) => {
    const counts = new Map<string, number[]>()
    for (const size of SIZES) {
      const graph = new CalcGraph(parseNodeName('here'))
      graph.setConfig(CONFIG)
      const filter = new ValidationFilter({ allowSpoofing: false })
      const take = (updates: ReturnType<typeof changes>): number => {
        graph.update(filter.filter(updates).inputs)
        return graph.flush().length
      }
      const whole = await counter.during(() => take(changes(new Map(), clusterOf(size))))
      counts.set('everything', [...(counts.get('everything') ?? []), whole])
      for (const [what, entries] of CHANGES) {
        const updates = entries.map(([key, value]) => ({
          key,
          kv: value === undefined ? undefined : { value, modRevision: 2n },
        }))
        const count = await counter.during(() => void take(updates))
        counts.set(what, [...(counts.get(what) ?? []), count])
      }
    }
    for (const [what, [small = 0, large = 0]] of counts) {
      t.diagnostic(`${what}: ${small} and ${large} blocks`)
      assert.ok(small > 0, `nothing was counted of ${what}`)
      if (what === 'everything') assert.ok(large > 5 * small, 'the counter sees what grows')
      else assert.ok(large < 1.05 * small, `${what}: ${large} blocks where a tenth of the cluster takes ${small}`)
    }
  })
})
