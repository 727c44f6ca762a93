/**
 * Server reflection, v1 and v1alpha, which have the same messages: tools such as grpcurl ask it what a server serves. The
 * files that it shows are made of the parsed schema, one a package; none imports another.
 */
import type protobuf from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor/index.js'
import { methodsOf } from './schema.js'
import { framed, type CallReceiver, type GrpcCall, type Method } from './service.js'
import { STATUS } from './status.js'

interface ReflectionRequest {
  readonly host: string
  readonly message_request?: string
  readonly file_by_filename?: string
  readonly file_containing_symbol?: string
}

interface DescribedFile {
  readonly name: string
  readonly bytes: Uint8Array
  /** Full names of what it defines. */
  readonly symbols: ReadonlySet<string>
}

/** What `ext/descriptor` adds to a root. */
interface DescribedRoot {
  toDescriptor(edition: string): { readonly file: readonly protobuf.Message[] }
}
interface Named {
  readonly name: string
}
interface FileObject extends Named {
  readonly package?: string
  readonly messageType?: readonly MessageObject[]
  readonly enumType?: readonly Named[]
  readonly service?: readonly (Named & { readonly method?: readonly Named[] })[]
}
interface MessageObject extends Named {
  readonly nestedType?: readonly MessageObject[]
  readonly enumType?: readonly Named[]
  readonly field?: readonly Named[]
}

/**
 * @param schema of `reflection.proto` in both versions. @param root what is served.
 * @param services full names.
 */
export function reflectionMethods(schema: protobuf.Root, root: protobuf.Root, services: readonly string[]): Method[] {
  const files = describe(root)
  return ['v1', 'v1alpha'].map((version) => {
    const method = methodsOf(schema, `grpc.reflection.${version}.ServerReflection`)['ServerReflectionInfo']
    if (method === undefined) throw new Error('reflection.proto has no ServerReflectionInfo')
    const { path, read, write } = method
    const open = (call: GrpcCall): CallReceiver => ({
      onRequest: (request) => {
        const bytes = write(answer(request as ReflectionRequest, files, services))
        call.write(bytes.length, () => framed(bytes))
      },
      onEnd: () => call.end(),
      onCancelled: () => undefined,
    })
    return { path, read, open }
  })
}

function answer(request: ReflectionRequest, files: readonly DescribedFile[], services: readonly string[]): object {
  const echoed = { valid_host: request.host, original_request: request }
  const { file_by_filename: name = '', file_containing_symbol: symbol = '' } = request
  switch (request.message_request) {
    case 'list_services':
      return { ...echoed, list_services_response: { service: services.map((service) => ({ name: service })) } }
    case 'file_by_filename':
      return {
        ...echoed,
        ...fileAnswer(
          files.find((file) => file.name === name),
          `file '${name.slice(0, 200)}'`,
        ),
      }
    case 'file_containing_symbol':
      return {
        ...echoed,
        ...fileAnswer(
          files.find(({ symbols }) => symbols.has(symbol)),
          `symbol '${symbol.slice(0, 200)}'`,
        ),
      }
    case 'file_containing_extension':
    case 'all_extension_numbers_of_type':
      return { ...echoed, ...failure(STATUS.NOT_FOUND, 'nothing here has extensions') }
    default:
      return { ...echoed, ...failure(STATUS.INVALID_ARGUMENT, 'Expected one message_request but received none') }
  }
}

function fileAnswer(file: DescribedFile | undefined, what: string): object {
  return file === undefined
    ? failure(STATUS.NOT_FOUND, `no ${what}`)
    : { file_descriptor_response: { file_descriptor_proto: [file.bytes] } }
}

function failure(code: number, message: string): object {
  return { error_response: { error_code: code, error_message: message } }
}

function describe(root: protobuf.Root): DescribedFile[] {
  const { FileDescriptorProto } = descriptor as unknown as { readonly FileDescriptorProto: protobuf.Type }
  return (root as unknown as DescribedRoot).toDescriptor('proto3').file.map((file) => {
    const object = FileDescriptorProto.toObject(file) as FileObject
    return { name: object.name, bytes: FileDescriptorProto.encode(file).finish(), symbols: symbolsOf(object) }
  })
}

function symbolsOf({ package: prefix = '', messageType = [], enumType = [], service = [] }: FileObject): Set<string> {
  const symbols = new Set<string>()
  const addAll = (scope: string, named: readonly Named[]): void => {
    for (const { name } of named) symbols.add(`${scope}.${name}`)
  }
  const addMessages = (scope: string, messages: readonly MessageObject[]): void => {
    addAll(scope, messages)
    for (const { name, nestedType = [], enumType: enums = [], field = [] } of messages) {
      addMessages(`${scope}.${name}`, nestedType)
      addAll(`${scope}.${name}`, enums)
      addAll(`${scope}.${name}`, field)
    }
  }
  addMessages(prefix, messageType)
  addAll(prefix, enumType)
  addAll(prefix, service)
  for (const { name, method = [] } of service) addAll(`${prefix}.${name}`, method)
  return symbols
}
