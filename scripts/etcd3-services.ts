/**
 * The gRPC services of etcd, from their description as JSON. Bundles use this in place of what etcd3 does at each start,
 * which is to read and parse .proto files and to compile every message, used or not: that takes longer than all the rest.
 */
import { makeGenericClientConstructor, type ServiceClientConstructor, type ServiceDefinition } from '@grpc/grpc-js'
import protobuf from 'protobufjs/light.js'

/** As etcd3 reads messages: 64-bit integers and enums as text, every field present. */
const READING: protobuf.IConversionOptions = { longs: String, enums: String, defaults: true, oneofs: true }

function definitionOf(service: protobuf.Service): ServiceDefinition {
  const methods = service.methodsArray.map((method) => {
    method.resolve()
    const { resolvedRequestType: request, resolvedResponseType: response } = method
    if (request === null || response === null) throw new Error(`${method.fullName} has no types`)
    const serialize = (type: protobuf.Type) => (value: object) =>
      Buffer.from(type.encode(type.fromObject(value)).finish())
    const deserialize = (type: protobuf.Type) => (bytes: Buffer) => type.toObject(type.decode(bytes), READING)
    const definition = {
      path: `/${service.fullName.slice(1)}/${method.name}`,
      originalName: method.name.charAt(0).toLowerCase() + method.name.slice(1),
      requestStream: method.requestStream === true,
      responseStream: method.responseStream === true,
      requestSerialize: serialize(request),
      requestDeserialize: deserialize(request),
      responseSerialize: serialize(response),
      responseDeserialize: deserialize(response),
    }
    return [method.name, definition] as const
  })
  return Object.fromEntries(methods)
}

/** Client classes by the name of their service: KV, Watch, Lease, Auth, ... A message is compiled when it is first used. */
export function etcdServices(description: protobuf.INamespace): Record<string, ServiceClientConstructor> {
  const namespace = protobuf.Root.fromJSON(description).lookup('etcdserverpb')
  if (!(namespace instanceof protobuf.Namespace)) throw new Error('The description has no etcdserverpb')
  const services = namespace.nestedArray.filter((one) => one instanceof protobuf.Service)
  return Object.fromEntries(
    services.map((service) => [service.name, makeGenericClientConstructor(definitionOf(service), service.name)]),
  )
}
