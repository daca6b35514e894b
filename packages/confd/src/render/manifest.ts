import { CalicoError } from '@calico-node/core'
import { z } from 'zod'

const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'want a plain file name')

const daemonSchema = z.strictObject({
  name: fileName.describe('What the log calls it.'),
  ipVersion: z.union([z.literal(4), z.literal(6)]).describe('Which view its templates see.'),
  check: z.array(z.string()).min(1).describe('Command that judges the staged files; {file} is the last of them.'),
  reload: fileName.describe('Control socket in the run directory.'),
  files: z
    .array(z.strictObject({ output: fileName, source: fileName }))
    .min(1)
    .describe('In the order in which they are put in place: the file that includes the others comes last.'),
})

const manifestSchema = z.strictObject({
  about: z.string(),
  watch: z
    .array(z.string().startsWith('/'))
    .describe('Key prefixes that the templates depend on; {node} is this node.'),
  daemons: z.array(daemonSchema).min(1),
})

export type Manifest = Readonly<z.output<typeof manifestSchema>>
export type DaemonManifest = Manifest['daemons'][number]

/** @throws INVALID, naming every bad field */
export function parseManifest(json: string, path: string): Manifest {
  let doc: unknown
  try {
    doc = JSON.parse(json)
  } catch (cause) {
    throw new CalicoError('INVALID', `Cannot read ${path}: it is not JSON`, { cause })
  }
  const result = manifestSchema.safeParse(doc)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  throw new CalicoError('INVALID', `Cannot read ${path}: ${problems}`)
}
