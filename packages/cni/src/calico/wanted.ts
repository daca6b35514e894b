/** What the configuration and the runtime's arguments want of the endpoint and its interface. */
import { existsSync, readFileSync } from 'node:fs'
import { findMac, isLabelKey, isLabelValue, type Mac } from '@calico-node/model'
import type { NetConf } from '../config/net-conf.ts'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import type { Session } from '../session.ts'

/** Written by calico/node: what remains of the host's MTU below its tunnels. */
const MTU_FILE = '/var/lib/calico/mtu'

/** Labels of the endpoint, by whichever of the known arguments they come. @throws CniError */
export function labelsOf({ args }: NetConf): Readonly<Record<string, string>> {
  const all = [...args['org.apache.mesos'].network_info.labels.labels, ...args.labels, ...args.cni.labels]
  const bad = all.find(({ key, value }) => !isLabelKey(key) || !isLabelValue(value))
  if (bad === undefined) return Object.fromEntries(all.map(({ key, value }) => [key, value]))
  throw new CniError(CNI_CODE.invalidConfig, `cannot give the endpoint label "${bad.key}: ${bad.value}"`, {
    details:
      'keys: up to 63 letters, digits, "-", "_", ".", with an optional DNS prefix and "/"; values likewise, or empty',
  })
}

/** The MAC of the container's end, where one is asked for. @throws CniError */
export function requestedMac({ request, conf, pod }: Pick<Session, 'request' | 'conf' | 'pod'>): {
  readonly mac?: Mac
} {
  const text = request.args.get('MAC') ?? conf.runtimeConfig.mac
  if (text === '') return pod?.wishes.mac === undefined ? {} : { mac: pod.wishes.mac }
  const mac = findMac(text)
  if (mac !== undefined) return { mac }
  throw new CniError(CNI_CODE.invalidConfig, `cannot use MAC "${text}": want six pairs of hexadecimal digits`)
}

/** Undefined: the system's. @throws CniError when the configuration wants to be sure and nothing says what it is */
export function mtuOf({ mtu, require_mtu_file: required }: NetConf): { readonly mtuBytes?: number } {
  const bytes = mtu > 0 || !existsSync(MTU_FILE) ? mtu : Number(readFileSync(MTU_FILE, 'utf8').trim())
  if (Number.isInteger(bytes) && bytes > 0) return { mtuBytes: bytes }
  if (!required) return {}
  throw new CniError(CNI_CODE.tryAgainLater, `cannot tell the MTU: ${MTU_FILE} does not say`, {
    details: 'check that the calico/node container is running, or set mtu',
  })
}
