export { renderEnvironmentReference } from './config/reference.ts'
export { resolveStartupConfig, type Backend, type StartupConfig } from './config/resolve.ts'
export { resolveNodeName } from './node-name.ts'
