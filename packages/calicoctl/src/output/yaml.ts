import { dump } from 'js-yaml'

/** Keys by the alphabet and lists not indented, which is how Calico's own tools print. */
export function toYaml(value: unknown): string {
  // A round trip through JSON leaves out what is undefined.
  const plain: unknown = JSON.parse(JSON.stringify(value) ?? 'null')
  return dump(plain, { sortKeys: true, seqNoIndent: true, lineWidth: -1, noRefs: true, quoteStyle: 'double' })
}
