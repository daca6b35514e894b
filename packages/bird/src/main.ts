import { basename } from 'node:path'
import { createLogger } from '@calico-node/core'
import { becomeBird, birdFiles, findIpVersion } from './launch.ts'

const [, self = '', word = basename(self)] = process.argv
const ipVersion = findIpVersion(word)
const log = createLogger({ program: 'bird' })

if (ipVersion === undefined) {
  console.error('usage: bird 4|6')
  process.exitCode = 1
} else {
  becomeBird(birdFiles(ipVersion, process.env), log).catch((err: unknown) => {
    log.error('BIRD not started', { err })
    process.exitCode = 1
  })
}
