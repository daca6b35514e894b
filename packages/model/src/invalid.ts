import { CalicoError } from '@calico-node/core'

/** The error of a parser: "Cannot parse <what> "<text>": want <wanted>". `context.wanted` is the reason alone. */
export const invalidText = (what: string, text: string, wanted: string): CalicoError =>
  new CalicoError('INVALID', `Cannot parse ${what} "${text}": want ${wanted}`, { context: { text, wanted } })
