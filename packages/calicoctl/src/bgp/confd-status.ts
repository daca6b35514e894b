import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '@calico-node/core'
import { z } from 'zod'

/** What confd says in `confd.json` beside the control sockets. */
const ConfdStatusSchema = z.object({
  role: z.enum(['node', 'reflector']).default('node'),
  daemons: z.record(z.string(), z.enum(['running', 'waiting', 'not-rendered', 'failed'])),
  problems: z.array(z.object({ kind: z.string(), name: z.string(), reason: z.string() })),
})
export type ConfdStatus = Readonly<z.output<typeof ConfdStatusSchema>>

/** Undefined where there is none: confd does not run here, or is another program. @throws Error when it cannot be read */
export function readConfdStatus(directory: string): ConfdStatus | undefined {
  const path = join(directory, 'confd.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined
    throw err
  }
  const result = ConfdStatusSchema.safeParse(parseJson(text))
  if (result.success) return result.data
  throw new Error(`Cannot read ${path}: ${messageOf(result.error)}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
