/** Profiles of the running process, on request, for Chrome's developer tools. They hold names and counts, never data. */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import v8 from 'node:v8'
import { type Logger, sleep } from '@calico-node/core'

export interface ProfileOptions {
  /** Where the files go: `felix-<time>.heapprofile`, `felix-<time>.cpuprofile`. */
  readonly dir: string
  readonly durationMs: number
  readonly log: Logger
}

interface Recording {
  readonly suffix: string
  readonly start: (session: Session) => Promise<void>
  readonly stop: (session: Session) => Promise<object>
}

const RECORDINGS = {
  /** What is allocated meanwhile and still in use at the end, by place in the code. */
  SIGUSR1: {
    suffix: 'heapprofile',
    start: async (session) => {
      await session.post('HeapProfiler.enable')
      await session.post('HeapProfiler.startSampling')
    },
    stop: async (session) => (await session.post('HeapProfiler.stopSampling')).profile,
  },
  SIGUSR2: {
    suffix: 'cpuprofile',
    start: async (session) => {
      await session.post('Profiler.enable')
      await session.post('Profiler.start')
    },
    stop: async (session) => (await session.post('Profiler.stop')).profile,
  },
} as const satisfies Record<string, Recording>

/** SIGUSR1 logs the sizes of the heap and records its growth, SIGUSR2 records the CPU. One recording at a time. */
export function profileOnSignals(options: ProfileOptions): void {
  let busy = false
  for (const [signal, recording] of Object.entries(RECORDINGS)) {
    process.on(signal, () => {
      if (signal === 'SIGUSR1') logHeap(options.log)
      if (busy) return options.log.info('A profile is being recorded already', { signal })
      busy = true
      record(recording, options)
        .catch((err: unknown) => options.log.warn('Cannot record a profile', { signal, err }))
        .finally(() => (busy = false))
    })
  }
}

async function record({ suffix, start, stop }: Recording, { dir, durationMs, log }: ProfileOptions): Promise<void> {
  const file = join(dir, `felix-${new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}.${suffix}`)
  const session = new Session()
  session.connect()
  try {
    await start(session)
    log.info('Recording a profile', { file, durationMs })
    await sleep(durationMs)
    writeFileSync(file, JSON.stringify(await stop(session)), { mode: 0o600 })
    log.info('Profile recorded', { file })
  } finally {
    session.disconnect()
  }
}

function logHeap(log: Logger): void {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
  const { heap_size_limit: limit, number_of_detached_contexts: detachedContexts } = v8.getHeapStatistics()
  log.info('Heap', { rss, heapUsed, external, arrayBuffers, limit, detachedContexts })
}
