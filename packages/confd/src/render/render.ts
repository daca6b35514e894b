import type { BirdView } from '../model/view.ts'
import type { DaemonManifest } from './manifest.ts'
import type { Templates } from './templates.ts'

/** The text of each file of a daemon by its name, in the order in which they are put in place. */
export type FileSet = ReadonlyMap<string, string>

/** @throws INVALID when a template cannot be rendered */
export const renderFiles = (templates: Templates, daemon: DaemonManifest, view: BirdView): FileSet =>
  new Map(daemon.files.map(({ output, source }) => [output, templates.render(source, view)]))
