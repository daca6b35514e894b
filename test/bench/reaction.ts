// From the acknowledged etcd put of one label to the first packet that is let through because of it.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sleep } from '@calico-node/core'
import { type Host, Lab, type Workload } from '@calico-node/lab'
import { etcdWriter } from './etcd-put.ts'
import { type Bench, type Figure, percentile } from './figure.ts'

const root = resolve(import.meta.dirname, '../..')
const ROUNDS = 30
const POLICY = {
  kind: 'GlobalNetworkPolicy',
  apiVersion: 'projectcalico.org/v3',
  metadata: { name: 'reaction' },
  spec: {
    selector: "role == 'server'",
    types: ['Ingress'],
    ingress: [{ action: 'Allow', source: { selector: "role == 'client'" } }],
  },
}

export const bench: Bench = {
  name: 'reaction',
  run: async () => {
    const dir = mkdtempSync(join(tmpdir(), 'calico-bench-'))
    const lab = await Lab.start({ root, dir })
    try {
      const host = await lab.addHost('host1')
      await host.startNode()
      const [client, server] = await Promise.all([workload(host, 'client'), workload(host, 'server')])
      await host.machine.must(['calicoctl', 'apply', '-f', '-'], { input: JSON.stringify(POLICY) })
      return await measure(lab, client, server)
    } finally {
      await lab.stop()
      rmSync(dir, { recursive: true, force: true })
    }
  },
}

async function workload(host: Host, name: string): Promise<Workload> {
  const added = await host.addWorkload(name)
  await host.calicoctl('container', 'add', name)
  await host.machine.exec(['calicoctl', 'profile', 'add', 'open'])
  await host.calicoctl('container', name, 'profile', 'set', 'open')
  return added
}

interface Stored {
  metadata: { labels: Record<string, string> }
  spec: { workload: string; interfaceName: string }
}

async function measure(lab: Lab, client: Workload, server: Workload): Promise<Figure[]> {
  const keys = await lab.etcd.keys('/calico/resources/v3/projectcalico.org/workloadendpoints/')
  const endpoints = new Map<string, { key: string; value: Stored }>()
  for (const key of keys) {
    const value = await lab.etcd.json<Stored>(key)
    if (value !== undefined) endpoints.set(value.spec.workload, { key, value })
  }
  const of = (name: string): { key: string; value: Stored } => {
    const found = endpoints.get(name)
    if (found === undefined) throw new Error(`no endpoint of ${name} among ${[...endpoints.keys()].join(', ')}`)
    return found
  }
  const labelled = (name: string, role: string): string => {
    const { key, value } = of(name)
    return `${key} ${JSON.stringify({ ...value, metadata: { ...value.metadata, labels: { ...value.metadata.labels, role } } })}`
  }
  const address = await server.address()
  const put = etcdWriter(lab)
  const times: number[] = []
  await put(labelled('server', 'server'))
  for (let round = 0; round < ROUNDS; round++) {
    await put(labelled('client', 'nobody'))
    await sleep(300)
    times.push(await firstReply(client, address, async () => put(labelled('client', 'client'))))
  }
  return [
    {
      name: 'label put to packet accepted, p50',
      value: percentile(times, 50),
      unit: 'ms',
      note: `${ROUNDS} rounds, 1 ms probes`,
    },
    { name: 'label put to packet accepted, p99', value: percentile(times, 99), unit: 'ms' },
  ]
}

/** Probes with a flow of its own; the first reply's time minus the time at which `allow` says it was acknowledged. */
async function firstReply(from: Workload, address: string, allow: () => Promise<number>): Promise<number> {
  const [file = '', ...args] = from.host.machine.enter([
    'ip',
    'netns',
    'exec',
    from.name,
    'ping',
    '-n',
    '-D',
    '-i',
    '0.001',
    address,
  ])
  const ping = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await sleep(100)
    const acknowledged = await allow()
    for await (const line of createInterface({ input: ping.stdout })) {
      const reply = /^\[(\d+\.\d+)\] \d+ bytes from/.exec(line)
      if (reply !== null) return Number(reply[1]) * 1000 - acknowledged
    }
    throw new Error('ping ended without a reply')
  } finally {
    ping.kill('SIGKILL')
  }
}
