/**
 * Delegation to another plugin, as the specification has it: found on CNI_PATH, run with our environment and our standard
 * input. Where calico-ipam turns out to be this very program its functions are called instead: the outcome is the same and
 * a container starts sooner by the time that a program takes to start.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { addAddresses, checkAddresses, releaseAddresses } from '../ipam/plugin.ts'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import { ANY_CIDRS, replacePodCidrs } from '../kubernetes/pod-cidrs.ts'
import { isObject, type Request } from '../protocol/request.ts'
import { parseResult, type Result } from '../protocol/result.ts'
import type { Session } from '../session.ts'

type Verb = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS'

export async function ipamAdd(session: Session): Promise<Result> {
  const delegate = findDelegate(session)
  const result = delegate.isOurs
    ? await addAddresses(session)
    : parseResult(await run(delegate, 'ADD', session), delegate.type)
  if (result.ips.length > 0) return result
  await ipamDel(session)
  throw new CniError(CNI_CODE.plugin, `IPAM plugin ${delegate.type} assigned no address`)
}

export async function ipamDel(session: Session): Promise<void> {
  const delegate = findDelegate(session)
  if (delegate.isOurs) await releaseAddresses(session)
  else await run(delegate, 'DEL', session)
}

export async function ipamCheck(session: Session): Promise<void> {
  const delegate = findDelegate(session)
  if (delegate.isOurs) await checkAddresses(session)
  else await run(delegate, 'CHECK', session)
}

/** GC and STATUS of an IPAM plugin that is not ours. */
export async function ipamMaintain(session: Session, verb: 'GC' | 'STATUS'): Promise<void> {
  const delegate = findDelegate(session)
  if (!delegate.isOurs) await run(delegate, verb, session)
}

interface Delegate {
  readonly type: string
  readonly file: string
  readonly isOurs: boolean
}

/** @throws CniError when the configuration names none or CNI_PATH has none of that name */
export function findDelegate({ conf, request }: Pick<Session, 'conf' | 'request'>): Delegate {
  const { type } = conf.ipam
  if (!/^[^/]+$/.test(type)) throw new CniError(CNI_CODE.invalidConfig, `ipam.type must name a plugin: it is "${type}"`)
  for (const dir of request.path) {
    const file = join(dir, type)
    if (isExecutable(file)) return { type, file, isOurs: type === 'calico-ipam' && isThisProgram(file) }
  }
  const details = `looked in ${request.path.join(', ') || '(CNI_PATH is empty)'}`
  throw new CniError(CNI_CODE.plugin, `failed to find plugin "${type}" in path`, { details })
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The launcher says where it stands. */
function isThisProgram(file: string): boolean {
  const self = process.env['CALICO_LAUNCHER']
  return self !== undefined && realpathSync(file) === self
}

/** @returns What the delegate printed, parsed. @throws CniError with the delegate's own code where it gave one */
async function run({ file, type }: Delegate, verb: Verb, { request }: Session): Promise<unknown> {
  const input = verb === 'ADD' ? request.stdin : withAnyPodCidr(request)
  const { failed, stdout, stderr } = await execute(file, { ...process.env, CNI_COMMAND: verb }, input)
  const said = parseOrUndefined(stdout)
  if (!failed) return said
  const { code, msg, details } = isObject(said) ? said : {}
  throw new CniError(
    typeof code === 'number' ? code : CNI_CODE.plugin,
    `IPAM plugin ${type} failed: ${typeof msg === 'string' ? msg : stderr.trim() || 'it gave no reason'}`,
    { details: typeof details === 'string' ? details : '' },
  )
}

/** The pod may be gone, and with it whoever could tell the node's range. */
function withAnyPodCidr({ config, stdin }: Request): string {
  const { ipam } = config
  if (!stdin.includes('usePodCidr') || !isObject(ipam)) return stdin
  return JSON.stringify({ ...config, ipam: replacePodCidrs(ipam, ANY_CIDRS) })
}

/** Delegates may take their time, as dhcp does; whoever called us sets the limit. */
function execute(
  file: string,
  env: NodeJS.ProcessEnv,
  input: string,
): Promise<{ failed: boolean; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(file, { env }, (err, stdout, stderr) => resolve({ failed: err !== null, stdout, stderr }))
    child.stdin?.on('error', () => undefined) // it left before reading: its exit status says why
    child.stdin?.end(input)
  })
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
