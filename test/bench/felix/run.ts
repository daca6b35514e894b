// Felix at one size, in a network namespace of its own: prints figures as JSON. usage: run.ts VARIANT ENDPOINTS LOCAL POLICIES ROUNDS
import { readFileSync } from 'node:fs'
import { sleep } from '@calico-node/core'
import { encodeResource, type Resource, resourceKey } from '@calico-node/model'
import { FelixNode, VARIANTS } from '../../policy/kernel/felix-node.ts'
import { type Figure, percentile } from '../figure.ts'
import { cluster, NODE, policy, workload } from './cluster.ts'
import { Probe, PROBES } from './probe.ts'

const [variantName, ...numbers] = process.argv.slice(2)
const variant = VARIANTS.find((each) => each === variantName) ?? 'legacy'
const [endpoints = 1000, local = 100, policies = 100, rounds = 20] = numbers.map(Number)
const SPACING_MS = 20
/** Felix gives memory back some time after it read the snapshot. */
const SETTLED_MS = 15_000

const probeWorkload = (of: 'sender' | 'server', labels: Record<string, string>): Resource =>
  workload(of, { interfaceName: PROBES[of].interfaceName, ips: [PROBES[of].ip], labels })
const sender = (role: string): Resource => probeWorkload('sender', { role })
const server = (...labels: readonly string[]): Resource =>
  probeWorkload('server', Object.fromEntries(['server', ...labels].map((label) => [label, ''])))
/** Another member of the set that the probe goes by. */
const bystander = (role: string): Resource =>
  workload('bystander', { node: 'node-7', interfaceName: 'calibystander', ips: ['10.65.0.3'], labels: { role } })
const CLIENTS = policy('clients', {
  selector: 'has(server)',
  types: ['Ingress'],
  ingress: [{ action: 'Allow', source: { selector: "role == 'client'" } }],
})
const OPENS = policy('opens', { selector: 'has(open)', order: 1, types: ['Ingress'], ingress: [{ action: 'Allow' }] })

const felix = await FelixNode.create({ node: NODE, variant, etcdArgs: ['--unsafe-no-fsync'] })
const probe = await Probe.start()
const put = async (item: Resource): Promise<unknown> =>
  felix.store.put(resourceKey(item.kind, item.metadata.name, item.metadata.namespace), encodeResource(item))
const figures: Figure[] = []
const figure = (name: string, value: number, unit: Figure['unit'], note?: string): void => {
  figures.push({ name, value, unit, ...(note !== undefined && { note }) })
}
const both = (name: string, values: readonly number[], note?: string): void => {
  figure(`${name}, p50`, percentile(values, 50), 'ms', note)
  figure(`${name}, p99`, percentile(values, 99), 'ms')
}

try {
  await felix.put([
    ...cluster({ endpoints, local, policies }),
    sender('other'),
    server(),
    bystander('other'),
    CLIENTS,
    OPENS,
  ])
  await start()
  probe.flood(600_000)
  if (!(await probe.isSilent())) throw new Error('datagrams pass that should not')
  await labels('label change, spaced', async (change) => {
    await sleep(100)
    return change()
  })
  await labels(`label change, one every ${SPACING_MS} ms`, amidOthers)
  await attach()
  figure('resident after all this', memoryMb('VmRSS'), 'MB')
} finally {
  await probe.stop()
  await felix.stop()
}
console.log(JSON.stringify(figures))

/** From nothing in the kernel to everything, by what Felix logs. */
async function start(): Promise<void> {
  const spawned = Date.now()
  felix.startFelix()
  await felix.inSync()
  const loggedAt = (message: string): number =>
    Date.parse(`${new RegExp(`^(\\S+ \\S+) \\[.*${message}`, 'm').exec(felix.log)?.[1] ?? ''}Z`)
  const marks = ['Felix starts', 'Read the datastore', 'Worked out what concerns', 'Dataplane is in sync'].map(loggedAt)
  const phases = ['process started', 'snapshot read', 'calculated', 'programmed']
  for (const [at, phase] of phases.entries())
    figure(`cold start: ${phase}`, (marks[at] ?? 0) - (marks[at - 1] ?? spawned), 'ms')
  figure('cold start: all', (marks.at(-1) ?? 0) - spawned, 'ms')
  await sleep(SETTLED_MS)
  figure('resident, settled', memoryMb('VmRSS'), 'MB', `peak ${memoryMb('VmHWM').toFixed(0)} MB`)
}

async function labels(name: string, when: <T>(change: () => Promise<T>) => Promise<T>): Promise<void> {
  const [accepted, refused]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    accepted.push(await when(async () => probe.accepted(async () => put(sender('client')))))
    refused.push(await when(async () => probe.refused(async () => put(sender('other')))))
  }
  both(`${name}, to packet accepted`, accepted, `${rounds} rounds`)
  both(`${name}, to packet refused`, refused)
}

/** One of a row of changes that come at a steady pace. */
async function amidOthers<T>(change: () => Promise<T>): Promise<T> {
  let at = 0
  const others = setInterval(() => void put(bystander(++at % 2 === 0 ? 'client' : 'other')), SPACING_MS)
  try {
    await sleep(20 * SPACING_MS)
    return await change()
  } finally {
    clearInterval(others)
  }
}

/** A policy begins and ceases to choose one endpoint. */
async function attach(): Promise<void> {
  const [attached, detached]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    await sleep(100)
    attached.push(await probe.accepted(async () => put(server('open'))))
    await sleep(100)
    detached.push(await probe.refused(async () => put(server())))
  }
  both('policy attached to one endpoint, to packet accepted', attached)
  both('policy detached from it, to packet refused', detached)
}

function memoryMb(field: string): number {
  const status = readFileSync(`/proc/${felix.pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
}
