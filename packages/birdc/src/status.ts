import { CalicoError } from '@calico-node/core'
import { CODE, type Reply } from './reply.ts'

/** `show status`. Times are BIRD's own local time, to the second, as it prints them (`2026-11-25 18:34:53`). */
export interface BirdStatus {
  /** `1.6.8`; a fork's longer version is kept as it is. */
  readonly version: string
  readonly routerId: string
  readonly lastReboot: string
  readonly lastReconfiguration: string
  /** BIRD came up with -R and still waits for its peers before it touches the kernel. */
  readonly gracefulRestart: boolean
}

const after = (replies: readonly Reply[], head: string): string | undefined =>
  replies
    .find(({ text }) => text.startsWith(head))
    ?.text.slice(head.length)
    .trim()

/** @throws INVALID when `replies` do not answer `show status` */
export function parseStatus(replies: readonly Reply[]): BirdStatus {
  const version = replies.find(({ code }) => code === CODE.version)?.text.replace(/^BIRD v?/, '')
  const routerId = after(replies, 'Router ID is ')
  const lastReboot = after(replies, 'Last reboot on ')
  const lastReconfiguration = after(replies, 'Last reconfiguration on ')
  if (
    version === undefined ||
    routerId === undefined ||
    lastReboot === undefined ||
    lastReconfiguration === undefined
  ) {
    throw new CalicoError('INVALID', 'Cannot read the status of BIRD: the answer is not complete', {
      context: { replies },
    })
  }
  const gracefulRestart = replies.some(({ code }) => code === CODE.recovering)
  return { version, routerId, lastReboot, lastReconfiguration, gracefulRestart }
}
