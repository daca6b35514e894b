/** Shapes of environment values. Every one trims, and turns what a parser throws into a problem of its variable. */
import { messageOf } from '@calico-node/core'
import { z } from 'zod'

/** A value that `parse` accepts; its error message becomes the problem. */
export const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return parse(text.trim())
    } catch (err) {
      context.addIssue({ code: 'custom', message: messageOf(err) })
      return z.NEVER
    }
  })

export const text = z.string().trim()

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  y: true,
  t: true,
  false: false,
  '0': false,
  no: false,
  n: false,
  f: false,
}

export const flag = parsed((word) => {
  const value = WORDS[word.toLowerCase()]
  if (value === undefined) throw new Error(`"${word}" is neither true nor false`)
  return value
})

/** One of the words, in any case; `words` maps each to its meaning. */
export const oneOf = <T extends string>(words: Readonly<Record<string, T>>) =>
  parsed((word) => {
    const value = words[word.toLowerCase()]
    if (value === undefined) throw new Error(`"${word}" is not one of ${Object.keys(words).join(', ')}`)
    return value
  })

export const wholeNumber = (min: number, max: number) =>
  parsed((word) => {
    const value = Number(word)
    if (!/^\d+$/.test(word) || value < min || value > max)
      throw new Error(`"${word}" is not a number from ${min} to ${max}`)
    return value
  })
