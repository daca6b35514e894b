import { type InterfaceAddress, type LinkDetail, listAddresses, listLinks, listRoutes } from '@calico-node/linux'
import { isIpv4, parseIpInterface } from '@calico-node/model'
import type { DefaultRoute, HostAddress, HostFacts } from './facts.ts'
import type { DetectionMethod } from './method.ts'
import { endpointTarget, probeSource, type ProbeTarget } from './probe.ts'

function flawOf(address: InterfaceAddress, link: LinkDetail | undefined): string | undefined {
  if (link !== undefined && !link.adminUp) return 'interface is down'
  if (address.temporary) return 'temporary address'
  if (address.deprecated) return 'deprecated address'
  return address.tentative ? 'address not yet known to be unique' : undefined
}

/** Every address of this host, both families, all interfaces. */
export async function gatherAddresses(): Promise<HostAddress[]> {
  const links = new Map((await listLinks()).map((link) => [link.name, link]))
  return (await listAddresses()).map((item): HostAddress => {
    const link = links.get(item.dev)
    const flaw = flawOf(item, link)
    return {
      interface: item.dev,
      index: link?.index ?? 0,
      secondary: item.secondary,
      address: parseIpInterface(`${item.ip}/${item.prefixLength}`),
      ...(flaw !== undefined && { flaw }),
    }
  })
}

async function defaultRoutes(version: 4 | 6): Promise<DefaultRoute[]> {
  const everything = version === 4 ? '0.0.0.0/0' : '::/0'
  return (await listRoutes(version)).flatMap(({ dst, dev, via, src, metric, type }) =>
    dst !== everything || dev === undefined || type !== 1
      ? []
      : [{ interface: dev, metric, ...(via !== undefined && { via }), ...(src !== undefined && { source: src }) }],
  )
}

function probeTargets(method: DetectionMethod, etcdEndpoints: readonly string[]): ProbeTarget[] {
  if (method.kind === 'can-reach') return [{ text: method.host, host: method.host, port: 80 }]
  if (method.kind !== 'auto') return []
  return etcdEndpoints.map(endpointTarget).filter((target) => target !== undefined)
}

/** What a choice by `method` needs to know. @param etcdEndpoints URLs, for the default method */
export async function gatherFacts(
  version: 4 | 6,
  method: DetectionMethod,
  addresses: readonly HostAddress[],
  etcdEndpoints: readonly string[],
): Promise<HostFacts> {
  const [routes, probes] = await Promise.all([
    defaultRoutes(version),
    Promise.all(probeTargets(method, etcdEndpoints).map((target) => probeSource(target, version))),
  ])
  const ofFamily = addresses.filter(({ address }) => isIpv4(address.ip) === (version === 4))
  return { version, addresses: ofFamily, defaultRoutes: routes, probes }
}
