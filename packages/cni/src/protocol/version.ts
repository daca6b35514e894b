import { CNI_CODE, CniError } from './error.ts'

/** Versions of the CNI specification, oldest first; each is spoken both ways. */
export const CNI_VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const
export type CniVersion = (typeof CNI_VERSIONS)[number]
export const LATEST: CniVersion = '1.1.0'

/** A configuration that names no version is meant in the oldest form of results. */
const UNNAMED: CniVersion = '0.2.0'

export const isCniVersion = (text: string): text is CniVersion => CNI_VERSIONS.some((version) => version === text)

/** @throws CniError with the code that runtimes expect for a version that is not spoken here */
export function parseCniVersion(text: string | undefined): CniVersion {
  if (text === undefined || text === '') return UNNAMED
  if (isCniVersion(text)) return text
  const details = `config is "${text}", plugin supports ${CNI_VERSIONS.join(', ')}`
  throw new CniError(CNI_CODE.incompatibleVersion, 'incompatible CNI versions', { details })
}

export const isAtLeast = (version: CniVersion, other: CniVersion): boolean =>
  CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(other)

/** Answer to VERSION. */
export const versionInfo = (): object => ({ cniVersion: LATEST, supportedVersions: CNI_VERSIONS })
