/** The programs `calico` and `calico-ipam`, which are one: the name says which. Standard output carries the answer only. */
import { readFileSync, writeSync } from 'node:fs'
import { toCniError } from './protocol/error.ts'
import { parseRequest } from './protocol/request.ts'
import { isCniVersion, LATEST, versionInfo } from './protocol/version.ts'

void main().then((status) => {
  process.exitCode = status
})

async function main(): Promise<number> {
  const [flag] = process.argv.slice(2)
  if (flag === '-v' || flag === '--version') return answer(0, process.env['CALICO_BUILD_VERSION'] ?? 'dev')
  let version: string = LATEST
  try {
    if (process.env['CNI_COMMAND'] === 'VERSION') return answer(0, versionInfo())
    const request = parseRequest(process.env, readFileSync(0, 'utf8'))
    version = request.cniVersion
    const { runRequest } = await import('./run.ts')
    const result = await runRequest(
      process.env['CALICO_PROGRAM_NAME'] === 'calico-ipam' ? 'calico-ipam' : 'calico',
      request,
    )
    return result === undefined ? 0 : answer(0, result)
  } catch (err) {
    const { code, message: msg, details } = toCniError(err)
    return answer(1, {
      cniVersion: isCniVersion(version) ? version : LATEST,
      code,
      msg,
      ...(details !== '' && { details }),
    })
  }
}

/** The opening brace stands alone on its line: scripts cut off what was logged before it. */
function answer(status: number, value: object | string): number {
  writeSync(1, typeof value === 'string' ? `${value}\n` : `${JSON.stringify(value, null, 4)}\n`)
  return status
}
