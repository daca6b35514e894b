export { CNI_VERSIONS } from './protocol/version.ts'
