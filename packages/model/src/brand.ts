declare const brand: unique symbol

/**
 * A primitive that went through the one parser of `Name`; the text is canonical, so equal values are equal strings.
 * Only that parser may assert the brand.
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }
