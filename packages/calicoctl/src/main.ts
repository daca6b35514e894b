import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { quietLogger, type Logger } from '@calico-node/core'
import { runCli } from './cli/run.ts'
import { ENTRIES } from './commands/registry.ts'

/** The log of libraries goes to standard error, and only when it was asked for. */
async function logger(level: string | undefined): Promise<Logger> {
  if (level === undefined) return quietLogger
  const { openLog } = await import('./cli/log.ts')
  return openLog(level)
}

const interrupted = new AbortController()
// Not once: execa kills this process with the signal as well where it sees no other listener.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)

void runCli({
  argv: process.argv.slice(2),
  entries: ENTRIES,
  env: process.env,
  signal: interrupted.signal,
  colours: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
  logger,
  streams: {
    stdout: (output) => writeAll(1, output),
    stderr: (output) => writeAll(2, output),
    readStdin: () => text(process.stdin),
    readLine,
  },
}).then((status) => {
  process.exitCode = status
})

/** The first time a command may end what it does, the second time it is not asked. */
function interrupt(): void {
  if (interrupted.signal.aborted) process.exit(1)
  interrupted.abort()
}

async function readLine(signal: AbortSignal): Promise<string | undefined> {
  // A lost terminal must not keep an unconfirmed change in place: who waits for an answer goes on, and undoes it.
  process.on('SIGHUP', () => undefined)
  const lines = createInterface({ input: process.stdin, signal })
  try {
    for await (const line of lines) return line
    return undefined
  } catch (err) {
    if (signal.aborted) return undefined
    throw err
  } finally {
    lines.close()
    process.stdin.destroy()
  }
}

/** Writes everything before returning, so that nothing is lost at exit; a reader that went away ends the program. */
function writeAll(fd: number, output: string): void {
  let rest = Buffer.from(output)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (err) {
      if (!(err instanceof Error && 'code' in err)) throw err
      if (err.code === 'EPIPE') process.exit(process.exitCode ?? 0)
      if (err.code !== 'EAGAIN') throw err
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}
