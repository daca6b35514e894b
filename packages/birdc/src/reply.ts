import { CalicoError } from '@calico-node/core'

/**
 * One line of an answer. Continuation lines, which BIRD sends with a space in place of the code, carry the code they
 * continue. Codes: 0xxx done, 1xxx data, 2xxx table headers, 8xxx refused, 9xxx not understood.
 */
export interface Reply {
  readonly code: number
  readonly text: string
}

/** Codes that a client of BIRD 1.6 branches on. */
export const CODE = {
  end: 0,
  greeting: 1,
  reading: 2,
  reconfigured: 3,
  inProgress: 4,
  queued: 5,
  ready: 13,
  recovering: 24,
  checked: 20,
  version: 1000,
  protocol: 1002,
  protocolDetail: 1006,
  route: 1007,
  routerId: 1011,
  refusedConfig: 8002,
} as const

export const isError = (reply: Reply): boolean => reply.code >= 8000

/** The first error of an answer, if BIRD refused the command. */
export const findError = (replies: readonly Reply[]): Reply | undefined => replies.find(isError)

/**
 * Splits what arrives on a control socket into answers. Feed it text as it comes; an answer is complete with the line
 * whose code is followed by a space (`0000 `, `0003 Reconfigured`, `8002 ...`).
 */
export class ReplyParser {
  #tail = ''
  #code: number | undefined
  #lines: Reply[] = []

  /** @returns the answers that `chunk` completed. @throws INVALID when the text is not BIRD's protocol */
  feed(chunk: string): readonly (readonly Reply[])[] {
    const lines = (this.#tail + chunk).split('\n')
    this.#tail = lines.pop() ?? ''
    const complete: (readonly Reply[])[] = []
    for (const line of lines) {
      if (!this.#take(line)) continue
      complete.push(this.#lines)
      this.#lines = []
    }
    return complete
  }

  /** @returns whether `line` ends an answer */
  #take(line: string): boolean {
    if (line.startsWith('+')) return false // a log message that somebody asked this socket to echo
    const match = /^(\d{4})([- ])(.*)$/.exec(line)
    if (match === null) {
      if (!line.startsWith(' ') || this.#code === undefined) {
        throw new CalicoError('INVALID', `Cannot read BIRD's answer: "${line.slice(0, 80)}" is not its protocol`)
      }
      this.#lines.push({ code: this.#code, text: line.slice(1) })
      return false
    }
    const [, code, separator, text = ''] = match
    this.#code = Number(code)
    this.#lines.push({ code: this.#code, text })
    return separator === ' '
  }
}
