import { doc, object, opt, text, textMap } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'

/** The head of every stored resource. `resourceVersion` is never stored. */
export const metadataSchema = object({
  name: doc(text(), 'Name, unique for the kind (and the namespace).'),
  generateName: opt(text(), 'Prefix of a generated name; carried as data, never acted upon.'),
  namespace: opt(text(), 'Namespace; only for namespaced kinds, which need one.'),
  uid: opt(text(), 'Random identifier, set when the resource is created.'),
  creationTimestamp: opt(text(), 'Time of creation, RFC 3339 in UTC with whole seconds.'),
  resourceVersion: opt(text(), 'Version that was read: an update of another version is refused. Never stored.'),
  labels: opt(textMap(), 'Labels that selectors match.'),
  annotations: opt(textMap(), 'Notes that nothing selects.'),
})

export type Metadata = Output<typeof metadataSchema>
