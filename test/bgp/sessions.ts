import { waitFor } from '@calico-node/core'
import type { Host } from '@calico-node/lab'

interface Status {
  readonly families: readonly {
    readonly version: 4 | 6
    readonly peers: readonly { readonly address: string; readonly established: boolean }[]
  }[]
}

const FAMILIES = [4, 6] as const

/** Every peer of a host, from `calicoctl node status`. */
async function statusOf(host: Host): Promise<Status['families'][number]['peers']> {
  const { stdout } = await host.machine.exec(['calicoctl', 'node', 'status', '-o', 'json'])
  const { families }: Status = JSON.parse(stdout)
  return families.flatMap(({ peers }) => peers)
}

/** Addresses of the peers with and without a session, in order. */
export async function peersOf(host: Host): Promise<{ established: string[]; down: string[] }> {
  const peers = await statusOf(host)
  const addresses = (wanted: boolean): string[] =>
    peers
      .filter(({ established }) => established === wanted)
      .map(({ address }) => address)
      .toSorted()
  return { established: addresses(true), down: addresses(false) }
}

/** Waits until `host` has a session with each of `others` in each family, and no other peer. */
export async function expectSessions(host: Host, others: readonly Host[], families: readonly (4 | 6)[] = FAMILIES) {
  const wanted = families.flatMap((family) => others.map(({ addresses }) => addresses[`ipv${family}`])).toSorted()
  await waitFor(
    `${host.name} to have sessions with ${wanted.join(', ') || 'nobody'} only`,
    async () => {
      const { established, down } = await peersOf(host)
      return down.length === 0 && established.join() === wanted.join()
    },
    { deadlineMs: 60_000, pollMs: 250 },
  )
}

/** Stores a v3 document as an operator does. */
export async function apply(host: Host, kind: string, name: string, spec: unknown): Promise<void> {
  const document = { apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec }
  await host.machine.must(['calicoctl', 'apply', '-f', '-'], { input: JSON.stringify(document) })
}

/** How a host's kernel reaches an address: the gateways of its route, or nothing. */
export async function gatewayOf(host: Host, address: string): Promise<string | undefined> {
  const { stdout } = await host.machine.exec(['ip', '-j', 'route', 'get', address])
  const routes: { gateway?: string }[] = stdout.trim() === '' ? [] : JSON.parse(stdout)
  return routes[0]?.gateway
}
