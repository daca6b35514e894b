const NS_PER_SECOND = 1_000_000_000n

/** The time in Unix nanoseconds; below a millisecond the digits only serve to tell two moments apart. */
export const unixNanoseconds = (): bigint => BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n)

/**
 * The text of the attribute `timestamp`, as Go prints a UTC time: `2024-05-01 10:00:00.5 +0000 UTC`.
 *
 * @param ns Unix nanoseconds.
 */
export function printTimestamp(ns: bigint): string {
  const [date = '', time = ''] = new Date(Number(ns / 1_000_000n)).toISOString().split('T')
  const fraction = String(ns % NS_PER_SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return `${date} ${time.slice(0, 8)}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`
}
