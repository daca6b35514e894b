/** The network configuration from its template. Pure. */
import { CalicoError } from '@calico-node/core'
import { parseNetConf } from '../config/net-conf.ts'
import { isObject, type JsonObject } from '../protocol/request.ts'

/** What may stand in a template between double underscores: `"etcd_endpoints": "__ETCD_ENDPOINTS__"`. */
export type Placeholders = Readonly<Record<string, string>>

/**
 * Fills the placeholders in. Values are escaped for the inside of a JSON string, so that none can say more than a value.
 *
 * @param origin For errors: where the template is from.
 * @throws INVALID for a placeholder that is not known, and for what no runtime or plugin would take
 */
export function renderNetworkConfig(template: string, values: Placeholders, origin: string): string {
  const refuse = (why: string): CalicoError =>
    new CalicoError('INVALID', `Cannot use the template in ${origin}: ${why}`)
  const text = template.replace(/__([A-Z][A-Z_]*[A-Z])__/g, (placeholder, name: string) => {
    const value = values[name]
    if (value !== undefined) return JSON.stringify(value).slice(1, -1)
    throw refuse(`${placeholder} is not known; these are: ${Object.keys(values).join(', ')}`)
  })
  const config = parseJson(text)
  if (config === undefined) throw refuse('it is not a JSON object once its placeholders are filled in')
  if (typeof config['name'] !== 'string') throw refuse('it has no "name", which is the name of the network')
  for (const plugin of pluginsOf(config)) {
    if (typeof plugin['type'] !== 'string') throw refuse('a plugin has no "type"')
    if (plugin['type'] === 'calico') parseNetConf(plugin)
  }
  return text.endsWith('\n') ? text : `${text}\n`
}

/** A list of plugins, or the old form of one plugin alone. */
const pluginsOf = (config: JsonObject): readonly JsonObject[] =>
  Array.isArray(config['plugins']) ? config['plugins'].filter(isObject) : [config]

function parseJson(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
