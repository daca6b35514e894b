/** What a selector says, after parsing. Sets are sorted and free of duplicates. */
export type SelectorNode =
  | { readonly kind: 'all' | 'global' }
  | { readonly kind: 'has'; readonly label: string }
  | { readonly kind: ComparisonKind; readonly label: string; readonly value: string }
  | { readonly kind: 'in' | 'not-in'; readonly label: string; readonly values: readonly string[] }
  | { readonly kind: 'not'; readonly operand: SelectorNode }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly SelectorNode[] }

/** Comparisons of one label with one string. */
export type ComparisonKind = 'eq' | 'ne' | 'contains' | 'starts-with' | 'ends-with'
