/** Where parameters come from, each source read into one shape. */

/** What one source says. Names are in lower case. */
export interface ConfigLayer {
  /** For people: `environment`, `/etc/calico/felix.cfg`, `FelixConfiguration node.a`. */
  readonly source: string
  /** On this host, hence allowed to set local parameters. */
  readonly local: boolean
  /** Values in text form. */
  readonly text: ReadonlyMap<string, string>
  /** Fields of a FelixConfiguration; `text` wins over them. */
  readonly fields: ReadonlyMap<string, unknown>
}

const layer = (source: string, local: boolean, text: Iterable<readonly [string, string]>): ConfigLayer => ({
  source,
  local,
  text: new Map([...text].map(([name, value]) => [name.toLowerCase(), value.trim()])),
  fields: new Map(),
})

const ENV_PREFIX = /^felix_/i

/** Variables whose name begins with `FELIX_`, in any case. */
export function environmentLayer(env: Readonly<Record<string, string | undefined>>): ConfigLayer {
  const ours = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    ENV_PREFIX.test(name) && value !== undefined ? [[name.replace(ENV_PREFIX, ''), value]] : [],
  )
  return layer('environment', true, ours)
}

/** INI text: `name = value`, comments after `#` or `;` at the start of a line, section names without meaning. */
export function fileLayer(path: string, content: string): ConfigLayer {
  const pairs = content.split('\n').flatMap((line): [string, string][] => {
    const [, name, value] = /^\s*([^#;[=:\s][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? []
    return name !== undefined && value !== undefined ? [[name, value]] : []
  })
  return layer(path, true, pairs)
}

const ANNOTATION = 'config.projectcalico.org/'

export interface StoredConfig {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> | undefined } | undefined
  readonly spec?: Readonly<Record<string, unknown>> | undefined
}

/** A FelixConfiguration: its fields, and annotations `config.projectcalico.org/NAME` that override them. */
export function resourceLayer(name: string, { metadata, spec }: StoredConfig): ConfigLayer {
  const overrides = Object.entries(metadata?.annotations ?? {}).flatMap(([key, value]): [string, string][] =>
    key.startsWith(ANNOTATION) ? [[key.slice(ANNOTATION.length), value]] : [],
  )
  const fields = Object.entries(spec ?? {}).map(([field, value]): [string, unknown] => [field.toLowerCase(), value])
  return { ...layer(`FelixConfiguration ${name}`, false, overrides), fields: new Map(fields) }
}

/** Written by start-up and not by a person, so that nobody is told what of it has no effect. */
export const CLUSTER_SOURCE = 'ClusterInformation'

/** The identity of the cluster, from ClusterInformation. */
export function clusterLayer({ spec }: StoredConfig): ConfigLayer {
  const names = ['clusterGUID', 'clusterType', 'calicoVersion']
  const texts = names.flatMap((name): [string, string][] => {
    const value = spec?.[name]
    return typeof value === 'string' ? [[name, value]] : []
  })
  return layer(CLUSTER_SOURCE, false, texts)
}
