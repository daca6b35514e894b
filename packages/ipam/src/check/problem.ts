/**
 * What can be wrong with an IPAM tree. A `fault` breaks an invariant: addresses are lost, or may be given away twice. A
 * `note` is untidy but safe, and may be the state of an operation that is under way.
 */
export const PROBLEM_LEVELS = {
  /** A record that cannot be read, or stands under a wrong key. Subject: its key. */
  'record-malformed': 'fault',
  /** An address lies in two blocks. Subject: the smaller block. */
  'block-overlap': 'fault',
  /** The lists of a block contradict one another. Subject: the block. */
  'block-inconsistent': 'fault',
  /** No pool holds the block. */
  'block-without-pool': 'note',
  /** The pool of the block has blocks of another size. */
  'block-size': 'fault',
  /** An attribute that no allocation of the block refers to. */
  'attribute-unused': 'note',
  /** An allocation does not say on which node it is. Subject: the address. */
  'node-unknown': 'note',
  /** The owner that the block names has no affinity record for it. Subject: the block. */
  'affinity-missing': 'fault',
  /** An affinity record for a block that does not exist or is another's. Subject: the block. */
  'affinity-stale': 'note',
  /** A claim or a release of a block was begun and not finished. */
  'affinity-unsettled': 'note',
  /** A handle holds more addresses of a block than its record counts: releasing by handle may miss some. Subject: the handle. */
  'handle-short': 'fault',
  /** A handle's record counts more than the handle holds. */
  'handle-excess': 'note',
  /** A handle's record, and no address of it. */
  'handle-leaked': 'fault',
  /** Assigned, but nobody uses it. Subject: the address. */
  'address-leaked': 'fault',
  /** Used by an endpoint or a tunnel and in an enabled pool, but not assigned: IPAM may give it to another. */
  'address-unassigned': 'fault',
  /** Used, but in no enabled pool. */
  'address-outside': 'note',
  /** Used by two. */
  'address-shared': 'fault',
} as const

export type ProblemKind = keyof typeof PROBLEM_LEVELS

export interface IpamProblem {
  readonly kind: ProblemKind
  readonly level: 'fault' | 'note'
  /** The address, block, handle or key that it is about. */
  readonly subject: string
  /** For people; completes "<subject>: ...". */
  readonly detail: string
}

export const problem = (kind: ProblemKind, subject: string, detail: string): IpamProblem => ({
  kind,
  level: PROBLEM_LEVELS[kind],
  subject,
  detail,
})
