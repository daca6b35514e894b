import type { z } from 'zod'
import type { Metadata } from '../resource/metadata.ts'
import type { Problem } from '../schema/problem.ts'

/** A resource as the rules of its kind see it. */
export interface Checked<Spec> {
  readonly metadata: Metadata
  readonly spec: Spec
}

/**
 * Everything that tells one kind of resource from another. Methods take only specs that its own schema gave.
 */
export interface KindDefinition<Schema extends z.ZodType = z.ZodType, Spec = unknown> {
  /** Segment of the etcd key. */
  readonly plural: string
  readonly namespaced: boolean
  /** Other words for the kind on a command line; its lower-case name and plural need no mention. */
  readonly aliases: readonly string[]
  /** Sentence for the reference. */
  readonly summary: string
  /** What a writer must obey. */
  readonly spec: Schema
  /** What a reader takes, where it takes more than a writer may write. Default: `spec`. */
  readonly readSpec?: z.ZodType
  readonly status?: z.ZodType
  /** The value always has a `status`, possibly empty. */
  readonly statusAlways?: boolean
  /** Rules across fields, for readers and writers. */
  check?(resource: Checked<Spec>): Iterable<Problem>
  /** Further rules for writers only: names, and what old data may violate harmlessly. */
  checkWrite?(resource: Checked<Spec>): Iterable<Problem>
  /** What may not change while the resource lives. */
  checkChange?(next: Spec, stored: Spec): Iterable<Problem>
  /** Fills what a new document leaves to be derived. Applied before the checks, never to what was stored. */
  complete?(spec: Spec): Spec
}
