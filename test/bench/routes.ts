// What Felix makes of interfaces, endpoints and other people's flushes, measured on a node of the lab from outside Felix: routes
// as `ip monitor` tells of them, rules as iptables lists them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { sleep, waitFor } from '@calico-node/core'
import { type Host, Lab } from '@calico-node/lab'
import { etcdWriter } from './etcd-put.ts'
import { type Bench, type Figure, percentile } from './figure.ts'

const root = resolve(import.meta.dirname, '../..')
const AT_ONCE = 64
const ROUNDS = { flush: 5, kill: 5, event: 20, single: 20, batches: 4 }
const NUMBERS = Array.from({ length: AT_ONCE }, (_, index) => index + 1)
const addressOf = (number: number): string => `192.168.200.${number}`

export const bench: Bench = {
  name: 'routes',
  run: async () => [
    ...(await onNode('NFT', async (lab, host) => [
      await flushRepair(host, 'nft'),
      ...(await endpoints(lab, host)),
      await killed(host),
    ])),
    ...(await onNode('Legacy', async (_, host) => [await flushRepair(host, 'legacy')])),
  ],
}

async function onNode(backend: string, measure: (lab: Lab, host: Host) => Promise<Figure[]>): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), 'calico-bench-'))
  const lab = await Lab.start({ root, dir })
  try {
    const host = await lab.addHost('host1')
    await host.startNode({ FELIX_IPTABLESBACKEND: backend })
    await waitFor('Felix to be in sync', () => timesInSync(host) > 0, { deadlineMs: 30_000 })
    return await measure(lab, host)
  } finally {
    await lab.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

const timesInSync = (host: Host): number => host.serviceLog('felix').split('Dataplane is in sync').length - 1

const median = (name: string, times: readonly number[], note: string): Figure => ({
  name,
  value: percentile(times, 50),
  unit: 'ms',
  note,
})

/** From a flush of all tables by another program until the rules stand again. */
async function flushRepair(host: Host, variant: 'nft' | 'legacy'): Promise<Figure> {
  const tool = `iptables-${variant}`
  const script = `before=$(${tool}-save | grep -c ^-A)
    for t in raw mangle nat filter; do ${tool} -t $t -F; done; start=$(date +%s%N)
    until [ "$(${tool}-save | grep -c ^-A)" = "$before" ]; do :; done; echo $(( ($(date +%s%N) - start) / 1000 ))`
  const times: number[] = []
  for (let round = 0; round < ROUNDS.flush; round++) {
    await sleep(2000) // a quiet table
    times.push(Number(await host.machine.must(['bash', '-c', script], { timeoutMs: 120_000 })) / 1000)
  }
  return median(`${tool} flushed to repaired`, times, `${ROUNDS.flush} rounds; upstream 24 s`)
}

/** From SIGKILL until the new process says that it has converged. */
async function killed(host: Host): Promise<Figure> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS.kill; round++) {
    await sleep(1500) // the supervisor waits a second between two starts
    const before = timesInSync(host)
    const [pid] = await host.pids('calico-felix')
    const start = performance.now()
    await host.machine.must(['kill', '-9', String(pid)])
    await waitFor('Felix to be back', () => timesInSync(host) > before, { deadlineMs: 60_000, pollMs: 5 })
    times.push(performance.now() - start)
  }
  return median('SIGKILL of Felix to converged', times, `${ROUNDS.kill} rounds; upstream 1200 ms`)
}

/** Tells when routes of the host come and go. */
class RouteMonitor {
  readonly #child
  readonly #waiting = new Map<string, (at: number) => void>()

  constructor(host: Host) {
    const [file = '', ...args] = host.machine.enter(['ip', '-o', '-4', 'monitor', 'route'])
    this.#child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const [, deleted, address = ''] = /^(Deleted )?(\S+) dev cali/.exec(line) ?? []
      const key = `${address} ${deleted === undefined}`
      this.#waiting.get(key)?.(performance.timeOrigin + performance.now())
      this.#waiting.delete(key)
    })
  }

  /** When the next route to an address has come (or gone), in milliseconds since 1970. */
  async next(address: string, come: boolean): Promise<number> {
    return new Promise((done) => this.#waiting.set(`${address} ${come}`, done))
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

async function endpoints(lab: Lab, host: Host): Promise<Figure[]> {
  await host.machine.must(['ip', '-batch', '-'], {
    input: NUMBERS.map(
      (number) => `link add calib${number} up type veth peer name peer${number}\nlink set peer${number} up\n`,
    ).join(''),
  })
  const put = etcdWriter(lab)
  const routes = new RouteMonitor(host)
  await sleep(500)
  /** An endpoint comes or goes; @returns from when it was stored until its route was there or gone. */
  const change = async (number: number, come: boolean): Promise<number> => {
    const [seen, stored] = await Promise.all([routes.next(addressOf(number), come), put(endpointLine(number, come))])
    return seen - stored
  }
  try {
    return [...(await churn(change)), await linkEvents(host, routes, change)]
  } finally {
    await routes.stop()
  }
}

/** One endpoint through its key: without an address it counts as absent. */
function endpointLine(number: number, exists: boolean): string {
  const name = `host1-bench-w${number}-eth0`
  const spec = {
    node: 'host1',
    orchestrator: 'bench',
    workload: `w${number}`,
    endpoint: 'eth0',
    interfaceName: `calib${number}`,
    profiles: [],
    ipNetworks: exists ? [`${addressOf(number)}/32`] : [],
  }
  const metadata = { name, namespace: 'default', uid: name }
  const value = { kind: 'WorkloadEndpoint', apiVersion: 'projectcalico.org/v3', metadata, spec }
  return `/calico/resources/v3/projectcalico.org/workloadendpoints/default/${name} ${JSON.stringify(value)}`
}

async function churn(change: (number: number, come: boolean) => Promise<number>): Promise<Figure[]> {
  const rate = async (changes: number, work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now()
    await work()
    return (changes / (performance.now() - start)) * 1000
  }
  const single = await rate(2 * ROUNDS.single, async () => {
    for (let round = 0; round < ROUNDS.single; round++) for (const come of [true, false]) await change(1, come)
  })
  const many = await rate(2 * ROUNDS.batches * AT_ONCE, async () => {
    for (let batch = 0; batch < ROUNDS.batches; batch++)
      for (const come of [true, false]) await Promise.all(NUMBERS.map(async (number) => change(number, come)))
  })
  return [
    { name: 'endpoints that come or go, one at a time', value: single, unit: '1/s', note: 'upstream 3' },
    { name: `endpoints that come or go, ${AT_ONCE} at once`, value: many, unit: '1/s', note: 'upstream 46' },
  ]
}

async function linkEvents(
  host: Host,
  routes: RouteMonitor,
  change: (number: number, come: boolean) => Promise<number>,
): Promise<Figure> {
  await change(1, true)
  const times: number[] = []
  for (let round = 0; round < ROUNDS.event; round++) {
    await host.machine.must(['ip', 'link', 'set', 'calib1', 'down'])
    await sleep(300)
    const up = host.machine.must(['sh', '-c', 'ip link set calib1 up; date +%s%N'])
    const [seen, nanoseconds] = await Promise.all([routes.next(addressOf(1), true), up])
    times.push(seen - Number(nanoseconds) / 1e6)
  }
  return median('interface up to its route', times, `${ROUNDS.event} rounds`)
}
