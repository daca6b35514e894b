import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeHostReport, HOST_REPORT_FILE, type HostReport } from '@calico-node/model'

/** What Felix of this host says of it. Undefined where it never ran, or is another program. @throws INVALID; Error */
export function readFelixReport(directory: string): HostReport | undefined {
  const path = join(directory, HOST_REPORT_FILE)
  try {
    return decodeHostReport(readFileSync(path, 'utf8'), path)
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined
    throw err
  }
}
