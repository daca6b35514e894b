export { type Entry } from './cli/argv.ts'
export { ENTRIES } from './commands/registry.ts'
export { runCli, type RunInput, type Streams } from './cli/run.ts'
export { renderCliReference } from './cli/reference.ts'
