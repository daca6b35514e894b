import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'

const SCRIPT = new URL('./send-packets.pl', import.meta.url).pathname
const AF_INET = 2
const AF_INET6 = 10
const AF_PACKET = 17
const SOCK_RAW = 3
const IPPROTO_RAW = 255
/** What the kernel tells a sender on the host whose packet a rule dropped. */
const EPERM = 1

/** A process that sends packets made by us from inside a network namespace, or from the host itself. */
export class Sender {
  readonly #child: ChildProcess
  readonly #answers: Interface
  #lines = ''

  private constructor(command: readonly string[], socket: readonly number[]) {
    const [file = '', ...args] = [...command, 'perl', SCRIPT, ...socket.map(String)]
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    if (this.#child.stdout === null) throw new Error('Cannot read what the sender says')
    this.#answers = createInterface(this.#child.stdout)
  }

  /** Puts frames on interfaces of the namespace. */
  static frames(namespace: string): Sender {
    return new Sender(['ip', 'netns', 'exec', namespace], [AF_PACKET, SOCK_RAW, 0])
  }

  /** Sends packets of its own from this namespace, through all of its rules. */
  static local(version: 4 | 6): Sender {
    return new Sender([], [version === 4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_RAW])
  }

  /** @param address What the socket wants to know, as the kernel lays it out. */
  add(address: Buffer, bytes: Buffer): void {
    this.#lines += `${address.toString('hex')} ${bytes.toString('hex')}\n`
  }

  /** Sends what was added. Once it returns, the kernel has seen it all. @throws Error when something could not be sent */
  async flush(): Promise<void> {
    if (this.#lines === '') return
    this.#child.stdin?.write(`${this.#lines}\n`)
    this.#lines = ''
    const [answer]: unknown[] = await once(this.#answers, 'line')
    const errors = String(answer)
      .split(' ')
      .filter((word) => word !== '' && Number(word) !== EPERM)
    if (errors.length > 0)
      throw new Error(`Cannot send ${errors.length} packets: error numbers ${[...new Set(errors)].join(', ')}`)
  }

  /** Sends what was added again and again, one after another. @param intervalMs From one packet to the next. */
  repeat(intervalMs: number): void {
    this.#child.stdin?.write(`${this.#lines}repeat ${intervalMs / 1000}\n`)
    this.#lines = ''
  }

  /** Ends `repeat`. @returns How often each was sent, in the order in which they were added. */
  async endRepeat(): Promise<number[]> {
    this.#child.stdin?.write('\n')
    const [answer]: unknown[] = await once(this.#answers, 'line')
    return String(answer).split(' ').map(Number)
  }

  stop(): void {
    this.#child.stdin?.end()
  }
}

/** The socket address of an interface: frames carry their own addresses. */
export function linkAddress(interfaceIndex: number): Buffer {
  const bytes = Buffer.alloc(20)
  bytes.writeUInt16LE(AF_PACKET, 0)
  bytes.writeInt32LE(interfaceIndex, 4)
  return bytes
}

/** The socket address of an IP address, given in network byte order. */
export function ipAddress(ip: Buffer): Buffer {
  const bytes = Buffer.alloc(ip.length === 4 ? 16 : 28)
  bytes.writeUInt16LE(ip.length === 4 ? AF_INET : AF_INET6, 0)
  ip.copy(bytes, ip.length === 4 ? 4 : 8)
  return bytes
}
