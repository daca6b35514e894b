export { type AgentOptions, runAgent } from './agent.ts'
export { type FelixConfig, PARAMS, type ParamName } from './config/params.ts'
export { renderFelixReference } from './config/reference.ts'
