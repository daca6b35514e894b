/**
 * Notes in the kernel which packets arrive: their serial number (identification field or flow label) and the interface they
 * came in on. A packet goes no further, so nobody ever answers.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const TABLE = 'inet probes'

/** Where arrivals are noted. */
export type Post =
  /** As soon as they are in, in another network namespace. */
  | { readonly kind: 'peers'; readonly namespace: string }
  /** In this namespace, once all rules let them in to the host itself. */
  | { readonly kind: 'host' }

const LAST = 300
const FIRST = -400

export class Arrivals {
  readonly #post: Post

  private constructor(post: Post) {
    this.#post = post
  }

  static async watch(post: Post): Promise<Arrivals> {
    const arrivals = new Arrivals(post)
    const [hook, priority] = post.kind === 'host' ? ['input', LAST] : ['prerouting', FIRST]
    await arrivals.#run(`nft -f - <<'RULES'
table ${TABLE} {
  set seen4 { typeof iif . ip id; size 65535; flags dynamic; }
  set seen6 { typeof iif . ip6 flowlabel; size 65535; flags dynamic; }
  chain arrivals {
    type filter hook ${hook} priority ${priority}
    iifname lo accept
    ip version 4 add @seen4 { iif . ip id counter } drop
    ip6 flowlabel != 0 add @seen6 { iif . ip6 flowlabel counter } drop
  }
}
RULES`)
    return arrivals
  }

  /** How often each serial number came in, by the name of the interface, both IP versions in one; then it forgets them. */
  async take(): Promise<Map<string, Map<number, number>>> {
    const text = await this.#run(
      `nft -j list table ${TABLE}; nft flush set ${TABLE} seen4; nft flush set ${TABLE} seen6`,
    )
    const listing: Listing = JSON.parse(text.split('\n', 1)[0] ?? '')
    const found = new Map<string, Map<number, number>>()
    for (const { set } of listing.nftables) {
      for (const { elem } of set?.elem ?? []) {
        const [name, serial] = elem.val.concat
        found.set(name, (found.get(name) ?? new Map()).set(serial, elem.counter.packets))
      }
    }
    return found
  }

  async #run(script: string): Promise<string> {
    const enter = this.#post.kind === 'host' ? 'exec' : `exec ip netns exec ${this.#post.namespace}`
    return (await execute('sh', ['-c', `${enter} sh -c "$0"`, script], { maxBuffer: 2 ** 26 })).stdout
  }
}

interface Listing {
  readonly nftables: readonly { readonly set?: { readonly elem?: readonly Element[] } }[]
}
interface Element {
  readonly elem: {
    readonly val: { readonly concat: readonly [name: string, serial: number] }
    readonly counter: { readonly packets: number }
  }
}
