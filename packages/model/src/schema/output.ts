import type { z } from 'zod'

/**
 * What a schema gives, for readers: deeply readonly, and without the index signature that stands for fields the schema
 * does not know (they are there at run time and survive copies).
 */
export type Output<S extends z.ZodType> = Known<z.output<S>>
/** What a schema takes: plain JSON in place of brands. */
export type Input<S extends z.ZodType> = Known<z.input<S>>

type Known<T> = T extends string | number | boolean | bigint | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Known<Item>[]
    : T extends object
      ? { readonly [K in keyof T as IsUnknownField<T, K> extends true ? never : K]: Known<T[K]> }
      : T

type IsUnknownField<T, K extends keyof T> = string extends K ? (unknown extends T[K] ? true : false) : false
