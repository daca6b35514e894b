export { NodeServicesParams, ownNodeName, resolveConfig, type NodeServicesConfig } from './params.ts'
export { SERVICES } from './registry.ts'
export { chooseServices, runServices, type NodeService, type ServiceContext } from './services.ts'
