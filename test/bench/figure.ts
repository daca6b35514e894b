/** One measured value. Benchmarks report medians; the machine is noisy, ratios count. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: 'ms' | 'MB' | 's' | '1/s' | '%' | 'packets'
  readonly note?: string
}

export interface Bench {
  readonly name: string
  readonly run: () => Promise<Figure[]>
}

/** The p-th percentile (0 to 100) of at least one value. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))] ?? Number.NaN
}
