declare const brand: unique symbol

/**
 * A primitive that went through the one parser of `Name`; the text is canonical, so equal values are equal strings.
 * Only that parser makes one, with {@link branded}.
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Asserts a brand. Called by the parser and the printer of that brand, and by nobody else. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says which brand
export const branded = <B extends (string | number) & { readonly [brand]: string }>(value: string | number): B =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- this is what makes a brand
  value as B
