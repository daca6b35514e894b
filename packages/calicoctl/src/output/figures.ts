/** A number with five significant digits, as C's `%.5g` prints it: `65536`, `1.2089e+24`. */
export function fiveDigits(value: bigint | number): string {
  const number = Number(value)
  if (number === 0) return '0'
  const [mantissa = '', exponentText = ''] = number.toExponential(4).split('e')
  const exponent = Number(exponentText)
  const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
  if (exponent >= -4 && exponent < 5) return String(Number(`${mantissa}e${exponent}`))
  return `${trimmed}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** `3 (0%)`. */
export const share = (part: bigint, whole: bigint): string =>
  `${fiveDigits(part)} (${whole === 0n ? 0 : Math.round((Number(part) / Number(whole)) * 100)}%)`
