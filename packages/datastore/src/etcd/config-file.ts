import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { CalicoError, messageOf } from '@calico-node/core'
import { findFileSetting, type Given } from './setting-table.ts'

/** Fields that only matter for the Kubernetes datastore: known, and of no use here. */
const KUBERNETES_FIELDS = new Set([
  'kubeconfig',
  'k8sAPIEndpoint',
  'k8sKeyFile',
  'k8sCertFile',
  'k8sCAFile',
  'k8sInsecureSkipTLSVerify',
  'k8sDisableNodePoll',
  'k8sClientQPS',
  'k8sClientBurst',
  'k8sCurrentContext',
  'k8sAPIToken',
  'kubeconfigInline',
  'usePodCIDR',
  'calicoAPIGroup',
])
const TOP_FIELDS = new Set(['apiVersion', 'kind', 'metadata', 'spec'])

/** Reads a CalicoAPIConfig in YAML or JSON, strictly. @throws INVALID naming the file and the field */
export function readConfigFile(path: string): Given {
  const document = readDocument(path)
  for (const field of Object.keys(document)) if (!TOP_FIELDS.has(field)) throw invalid(path, `unknown field "${field}"`)
  if (document['apiVersion'] !== 'projectcalico.org/v3') throw invalid(path, 'apiVersion must be projectcalico.org/v3')
  if (document['kind'] !== 'CalicoAPIConfig') throw invalid(path, 'kind must be CalicoAPIConfig')
  const spec = findRecord(document['spec'] ?? {})
  if (spec === undefined) throw invalid(path, 'spec is not an object')
  const given: Given = {}
  for (const [field, value] of Object.entries(spec)) {
    const setting = findFileSetting(field)
    if (setting === undefined && !KUBERNETES_FIELDS.has(field)) throw invalid(path, `unknown field "spec.${field}"`)
    if (setting === undefined || value === null || value === '') continue
    if (typeof value !== 'string') throw invalid(path, `spec.${field} must be text`)
    given[setting] = { value, name: `spec.${field} of ${path}` }
  }
  return given
}

function readDocument(path: string): Record<string, unknown> {
  let document: unknown
  try {
    document = load(readFileSync(path, 'utf8'))
  } catch (err) {
    throw invalid(path, isAbsent(err) ? 'there is no such file' : messageOf(err), err)
  }
  const found = findRecord(document)
  if (found === undefined) throw invalid(path, 'it is not an object')
  return found
}

const isAbsent = (err: unknown): boolean => err instanceof Error && 'code' in err && err.code === 'ENOENT'

const findRecord = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined

const invalid = (path: string, why: string, cause?: unknown): CalicoError =>
  new CalicoError('INVALID', `Cannot use configuration file ${path}: ${why}`, { cause, context: { path } })
