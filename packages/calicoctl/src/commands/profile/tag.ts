import { CalicoError } from '@calico-node/core'
import { isLabelKey } from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { changeProfile, getProfile } from '../../documents/profiles.ts'
import { line, lines } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

const without = (labels: Readonly<Record<string, string>>, tag: string): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => key !== tag))

export const showCommand = defineCommand({
  args: ['<profile>'],
  options: {},
  usage: 'profile <profile> tag show',
  examples: [['profile web tag show', 'tags that the profile gives its endpoints']],
  async run(context, [profile]) {
    const { spec } = await getProfile(await context.client(), profile)
    return { blocks: lines(...Object.keys(spec.labelsToApply ?? {}).toSorted()) }
  },
})

export const addCommand = defineCommand({
  args: ['<profile>', '<tag>'],
  options: {},
  usage: 'profile <profile> tag add <tag>',
  examples: [['profile web tag add PUBLIC', 'endpoints with the profile carry the tag from now on']],
  async run(context, [profile, tag]) {
    if (!isLabelKey(tag))
      throw new CalicoError(
        'INVALID',
        `Cannot use tag "${tag}": want letters, digits, "-", "_" and "." with a letter or digit at both ends`,
      )
    await changeProfile(await writableClient(context), profile, (spec) => ({
      ...spec,
      labelsToApply: { ...spec.labelsToApply, [tag]: '' },
    }))
    return { blocks: [line(`Tag ${tag} added to profile ${profile}`)] }
  },
})

export const removeCommand = defineCommand({
  args: ['<profile>', '<tag>'],
  options: {},
  usage: 'profile <profile> tag remove <tag>',
  examples: [['profile web tag remove PUBLIC', 'take a tag away']],
  async run(context, [profile, tag]) {
    await changeProfile(await writableClient(context), profile, (spec) => {
      if (spec.labelsToApply === undefined || !Object.hasOwn(spec.labelsToApply, tag)) {
        throw new CalicoError('NOT_FOUND', `Profile ${profile} has no tag ${tag}`)
      }
      return { ...spec, labelsToApply: without(spec.labelsToApply, tag) }
    })
    return { blocks: [line(`Tag ${tag} removed from profile ${profile}`)] }
  },
})
