/**
 * `.proto` files, for calls that nobody makes by the thousand: messages become objects with the names of the file, 64-bit
 * integers numbers and enums texts. protobufjs is lenient, and takes a field that reaches beyond its message for a shorter
 * one: what ends early is refused before it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { WireReader } from '../../base/protobuf/wire-reader.js'

export interface SchemaMethod {
  readonly path: string
  readonly read: (bytes: Buffer) => unknown
  readonly write: (message: object) => Uint8Array
}

const asObject: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true, oneofs: true }

/** @param texts of the files, none of which imports another. */
export function schemaOf(texts: readonly string[]): protobuf.Root {
  const root = new protobuf.Root()
  for (const text of texts) protobuf.parse(text, root, { keepCase: true })
  root.resolveAll()
  return root
}

export function readProtos(folder: string, names: readonly string[]): string[] {
  return names.map((name) => readFileSync(join(folder, name), 'utf8'))
}

/** By name: the methods of a service. */
export function methodsOf(root: protobuf.Root, service: string): Readonly<Record<string, SchemaMethod>> {
  const { methods } = root.lookupService(service)
  return Object.fromEntries(
    Object.values(methods).map(({ name, resolvedRequestType: request, resolvedResponseType: response }) => [
      name,
      {
        path: `/${service}/${name}`,
        read: (bytes: Buffer): unknown => readMessage(request as protobuf.Type, bytes),
        write: (message: object): Uint8Array => encode(response as protobuf.Type, message),
      },
    ]),
  )
}

function readMessage(type: protobuf.Type, bytes: Buffer): unknown {
  const reader = new WireReader(bytes)
  while (reader.next()) reader.skip()
  return type.toObject(type.decode(bytes), asObject)
}

function encode(type: protobuf.Type, message: object): Uint8Array {
  return type.encode(type.fromObject(message)).finish()
}
