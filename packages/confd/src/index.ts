export { Agent, type AgentOptions } from './agent.ts'
export { ConfdParams, resolveConfig, type ConfdConfig } from './params.ts'
