/**
 * An etcd proxy beside the node: one connection of this host to the cluster in place of one for each process, and certificates
 * that only the proxy needs (etcd refuses one with a common name here, which would be everybody's user). It listens on loopback, and runs in a container when there is an image, else as a process.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { CalicoError, hasCode, waitFor } from '@calico-node/core'
import { run } from '@calico-node/linux'
import type { NodeContainer } from './node-container.ts'
import { containerLog, removeContainer } from './node-start.ts'

export const PROXY_NAME = 'calico-etcd-proxy'
const ADDRESS = '127.0.0.1:23790'
export const PROXY_ENDPOINT = `http://${ADDRESS}`
const PID_FILE = '/run/calico-etcd-proxy.pid'
const START_DEADLINE_MS = 5000
const PULL_TIMEOUT_MS = 300_000

type Etcd = NodeContainer['etcd']

/** The command of the proxy. Pure. */
export function proxyCommand({ endpoints, discoverySrv, caFile, certFile, keyFile }: Etcd): string[] {
  const optional = (name: string, value: string | undefined): string[] =>
    value === undefined || value === '' ? [] : [`--${name}=${value}`]
  return [
    'etcd',
    'grpc-proxy',
    'start',
    `--listen-addr=${ADDRESS}`,
    `--advertise-client-url=${PROXY_ENDPOINT}`,
    ...optional('endpoints', endpoints),
    ...optional('discovery-srv', discoverySrv),
    ...optional('cacert', caFile),
    ...optional('cert', certFile),
    ...optional('key', keyFile),
  ]
}

/** The words after `docker`. Pure. */
export function proxyRunWords(etcd: Etcd, image: string): string[] {
  const files = [etcd.caFile, etcd.certFile, etcd.keyFile].filter((path) => path !== undefined)
  return [
    'run',
    '-d',
    '--restart=always',
    '--net=host',
    `--name=${PROXY_NAME}`,
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    '--read-only',
    ...files.flatMap((path) => ['-v', `${path}:${path}:ro`]),
    image,
    ...proxyCommand(etcd),
  ]
}

/** How the node reaches the proxy: without certificates, with the same user. Pure. */
export const behindProxy = ({ username }: Etcd): Etcd => ({
  endpoints: PROXY_ENDPOINT,
  discoverySrv: '',
  ...(username !== undefined && { username }),
})

export interface ProxyOptions {
  readonly etcd: Etcd
  /** Undefined: the etcd of this host. */
  readonly image: string | undefined
  readonly logDirectory: string
}

/** Replaces the one that runs, and waits until the new one listens. @throws COMMAND_FAILED, COMMAND_MISSING */
export async function startEtcdProxy({ etcd, image, logDirectory }: ProxyOptions): Promise<void> {
  await stopEtcdProxy()
  const log = `${logDirectory}/etcd-proxy.log`
  if (image === undefined) {
    await run('etcd', ['--version'])
    mkdirSync(logDirectory, { recursive: true })
    const inBackground = 'exec setsid -f sh -c \'echo $$ >"$0"; exec "$@"\' "$@" >>"$0" 2>&1'
    await run('sh', ['-c', inBackground, log, PID_FILE, ...proxyCommand(etcd)])
  } else await run('docker', proxyRunWords(etcd, image), { timeoutMs: PULL_TIMEOUT_MS })
  await waitFor('the etcd proxy to listen', listens, { deadlineMs: START_DEADLINE_MS }).catch(
    async (cause: unknown) => {
      const said = image === undefined ? readFileSync(log, 'utf8') : await containerLog(PROXY_NAME)
      const last = said.trimEnd().split('\n').at(-1) ?? ''
      throw new CalicoError(
        'COMMAND_FAILED',
        `Cannot start the etcd proxy: nothing listens on ${ADDRESS}; its last line: ${last}`,
        { cause },
      )
    },
  )
}

const listens = (): Promise<boolean> => fetch(`${PROXY_ENDPOINT}/health`).then(() => true)

/** Fine when none runs. */
export async function stopEtcdProxy(): Promise<void> {
  await removeContainer(PROXY_NAME).catch((err: unknown) => {
    if (!hasCode(err, 'COMMAND_MISSING')) throw err
  })
  try {
    const pid = Number(readFileSync(PID_FILE, 'utf8'))
    // The number may be somebody else's by now.
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] === 'grpc-proxy') process.kill(pid)
  } catch {
    return
  }
  rmSync(PID_FILE, { force: true })
}
