// CPU time of the calculation for one host of a large cluster. usage: graph.bench.ts [ENDPOINTS LOCAL POLICIES]
import { parseNodeName } from '@calico-node/model'
import { CalcGraph } from './graph.ts'
import { changes, type DataState, stored, workload } from './graph-testing.ts'
import type { CalcMessage } from './messages.ts'
import { ValidationFilter } from './validation-filter.ts'

const [endpoints = 10_000, local = 100, policies = 1000] = process.argv.slice(2).map(Number)
const APPS = 200
const TEAMS = 20
const LABEL_CHANGES = 500

const address = (index: number): string => `10.${65 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`
const labelsOf = (index: number) => ({
  app: `app-${index % APPS}`,
  team: `team-${index % TEAMS}`,
  env: index % 3 === 0 ? 'prod' : 'test',
  release: `r${index % 7}`,
})

function endpoint(index: number, more: Record<string, string> = {}): [string, string] {
  const node = index < local ? 'here' : `node-${index % 97}`
  const labels = { ...labelsOf(index), ...more }
  return workload(`w${index}`, { node, ips: [address(index)], labels, profiles: [`profile-${index % TEAMS}`] })
}

function policy(index: number): [string, string] {
  const allow = (selector: string, port: number) => ({
    action: 'Allow',
    protocol: 'TCP',
    source: { selector },
    destination: { ports: [port] },
  })
  return stored('globalnetworkpolicies', `default.policy-${index}`, {
    order: index % 50,
    selector: `app == 'app-${index % APPS}' && env == '${index % 3 === 0 ? 'prod' : 'test'}'`,
    types: ['Ingress'],
    ingress: [
      allow(`team == 'team-${index % TEAMS}' && release != 'r${index % 7}'`, 80),
      allow(`app in {'app-${(index * 7) % APPS}', 'app-${(index * 3) % APPS}'}`, 443),
    ],
  })
}

const cluster: DataState = new Map([
  ...Array.from({ length: endpoints }, (_, index) => endpoint(index)),
  ...Array.from({ length: policies }, (_, index) => policy(index)),
  ...Array.from({ length: TEAMS }, (_, index) =>
    stored('profiles', `profile-${index}`, { labelsToApply: { profile: `p${index}` }, egress: [{ action: 'Allow' }] }),
  ),
  stored('tiers', 'default', { order: 1_000_000, defaultAction: 'Deny' }),
])

const show = (name: string, ms: number, note = ''): void =>
  console.log(`${name.padEnd(52)} ${ms.toFixed(3).padStart(10)} ms  ${note}`)
/** CPU time of this thread, which other work on the machine disturbs least. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
const timed = <T>(work: () => T): [T, number] => {
  const start = cpuMs()
  const value = work()
  return [value, cpuMs() - start]
}
const memoryMb = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}

function summary(messages: readonly CalcMessage[]): string {
  const members = messages.reduce((sum, one) => sum + (one.kind === 'ipset.update' ? one.members.length : 0), 0)
  const sets = messages.filter(({ kind }) => kind === 'ipset.update').length
  return `${messages.length} messages, ${sets} sets with ${members} members`
}

/** Each change through filter, graph and flush: mean CPU time, and the median of the time on the clock. */
function each(name: string, entries: readonly [string, string][]): void {
  const clock: number[] = []
  const [, totalMs] = timed(() => {
    for (const [key, value] of entries) {
      const start = performance.now()
      graph.update(filter.filter([{ key, kv: { value, modRevision: 2n } }]).inputs)
      graph.flush()
      clock.push(performance.now() - start)
    }
  })
  const median = clock.toSorted((a, b) => a - b)[clock.length >> 1] ?? Number.NaN
  show(`${name}, mean`, totalMs / entries.length, `median on the clock ${median.toFixed(3)} ms`)
}

const updates = changes(new Map(), cluster)
const before = memoryMb()
const filter = new ValidationFilter({ allowSpoofing: false })
const graph = new CalcGraph(parseNodeName('here'))
console.log(`${endpoints} endpoints, ${local} of them local, ${policies} policies`)
const [{ inputs }, decodeMs] = timed(() => filter.filter(updates))
show('stored values to facts', decodeMs, `${updates.length} values, ${filter.faultCount} invalid`)
const [messages, calcMs] = timed(() => {
  graph.update(inputs)
  return graph.flush()
})
show('facts to messages', calcMs, summary(messages))
const indexes = Array.from({ length: LABEL_CHANGES }, (_, index) => index)
each(
  'label of a remote endpoint',
  indexes.map((index) => endpoint(local + index * 7, { app: `app-${(index + 1) % APPS}` })),
)
each(
  'label of a local endpoint',
  indexes.map((index) => endpoint(index % local, { app: `app-${(index + 3) % APPS}` })),
)
each(
  'a new policy',
  indexes.slice(0, 100).map((index) => policy(policies + index)),
)
const residentMb = process.memoryUsage().rss / 2 ** 20
console.log(`heap of graph and facts: ${(memoryMb() - before).toFixed(1)} MB, resident ${residentMb.toFixed(0)} MB`)
