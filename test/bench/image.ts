// The container: how soon it is up and well, what it takes in memory, and how large it is.
import { readFileSync, statSync } from 'node:fs'
import { waitFor } from '@calico-node/core'
import type { Lab } from '@calico-node/lab'
import { ARCHIVE, type ContainerHost, IMAGE, withContainerHosts } from '../image/with-docker.ts'
import { etcdWriter } from './etcd-put.ts'
import { type Bench, type Figure, percentile } from './figure.ts'

const STARTS = 5
const ENDPOINTS = 10_000
const WORKLOADS = '/calico/resources/v3/projectcalico.org/workloadendpoints/default/'

export const bench: Bench = {
  name: 'image',
  run: async () => {
    const figures: Figure[] = []
    await withContainerHosts(['host1'], async ([node], lab) => {
      if (node === undefined) throw new Error('there is no host')
      figures.push(...(await starts(node)))
      const idle = await memory(node)
      figures.push({ name: 'whole container, idle: proportional', value: idle.total, unit: 'MB', note: idle.note })
      await addEndpoints(lab)
      await waitFor('felix to have seen the endpoints', async () => (await memory(node)).total > idle.total, {
        deadlineMs: 60_000,
      })
      const busy = await settled(node)
      const name = `the same with ${ENDPOINTS} endpoints in the cluster`
      figures.push({ name, value: busy.total, unit: 'MB', note: busy.note })
      figures.push({
        name: 'image',
        value: (await imageBytes(node)) / 1e6,
        unit: 'MB',
        note: `archive ${(statSync(ARCHIVE).size / 1e6).toFixed(0)} MB`,
      })
    })
    return figures
  },
}

const imageBytes = async ({ engine }: ContainerHost): Promise<number> =>
  Number(await engine.docker('image', 'inspect', '--format', '{{.Size}}', IMAGE))

/** From `docker run` to its success line, and to every check being content. */
async function starts(node: ContainerHost): Promise<Figure[]> {
  const up: number[] = []
  const well: number[] = []
  for (let round = 0; round < STARTS; round++) {
    if (round > 0) await node.remove()
    const started = performance.now()
    await node.run()
    up.push(performance.now() - started)
    await node.becomesHealthy()
    well.push(performance.now() - started)
  }
  return [
    { name: 'docker run to "started successfully", p50', value: percentile(up, 50), unit: 'ms' },
    {
      name: 'docker run to every check content, p50',
      value: percentile(well, 50),
      unit: 'ms',
      note: 'a service counts as settled after 2 s',
    },
  ]
}

interface Memory {
  readonly total: number
  readonly note: string
}

/** Proportional set size of every process of the container, in MB. */
async function memory({ host, engine }: ContainerHost): Promise<Memory> {
  const pids = (await engine.docker('top', 'calico-node', '-eo', 'pid,comm')).split('\n').slice(1)
  const sizes = pids.flatMap((line) => {
    const [, pid = '', name = ''] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? []
    try {
      const rollup = readFileSync(`/proc/${host.machine.pid}/root/proc/${pid}/smaps_rollup`, 'utf8')
      return [{ name, mb: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024 }]
    } catch {
      return [] // it has ended meanwhile
    }
  })
  const largest = sizes.toSorted((a, b) => b.mb - a.mb).slice(0, 3)
  return {
    total: sizes.reduce((sum, { mb }) => sum + mb, 0),
    note: largest.map(({ name, mb }) => `${name} ${mb.toFixed(0)}`).join(', '),
  }
}

/** The memory once it has stopped to grow. */
async function settled(node: ContainerHost): Promise<Memory> {
  let last = await memory(node)
  for (let calm = 0; calm < 3; ) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const now = await memory(node)
    calm = Math.abs(now.total - last.total) < 1 ? calm + 1 : 0
    last = now
  }
  return last
}

/** Workloads of another node. */
async function addEndpoints(lab: Lab): Promise<void> {
  const put = etcdWriter(lab)
  for (let number = 0; number < ENDPOINTS; number++) {
    const name = `other-cni-w${number}-eth0`
    const address = `10.${100 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
    const spec = {
      orchestrator: 'cni',
      node: 'other',
      containerID: `w${number}`,
      endpoint: 'eth0',
      ipNetworks: [`${address}/32`],
      profiles: ['open'],
      interfaceName: `cali${number.toString(16).padStart(11, '0')}`,
    }
    const metadata = { name: `other-cni-w${number}-eth0`, namespace: 'default', labels: { app: `app-${number % 100}` } }
    await put(
      `${WORKLOADS}${name} ${JSON.stringify({ kind: 'WorkloadEndpoint', apiVersion: 'projectcalico.org/v3', metadata, spec })}`,
    )
  }
}
