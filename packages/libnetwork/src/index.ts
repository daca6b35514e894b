export { LibnetworkParams } from './params.ts'
