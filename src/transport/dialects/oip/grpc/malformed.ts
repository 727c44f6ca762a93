/**
 * Bytes that are no message of the method's type. grpc-js answers INTERNAL, without a word, for a decoder that throws; it is
 * the caller's mistake, so that decoders here give a `Malformed` in place of a message, which an interceptor answers with
 * INVALID_ARGUMENT before any handler sees it. A stream ends with it: nobody can say which of its requests it was.
 *
 * Rejected: a check in each handler, for services of others (reflection) have handlers of their own.
 */
import {
  ServerInterceptingCall,
  status,
  type MethodDefinition,
  type ServerInterceptor,
  type ServiceDefinition,
} from '@grpc/grpc-js'
import { WireReader } from '../../../../base/protobuf/wire-reader.js'

/** In place of a message. */
export class Malformed {
  constructor(readonly sentence: string) {}
}

type Method = MethodDefinition<unknown, unknown>

/** The same service, with decoders that do not throw. */
export function tolerant(service: ServiceDefinition): ServiceDefinition {
  return mapMethods(service, tolerantMethod)
}

/**
 * The same service, with decoders that refuse what ends early: protobufjs takes a field that reaches beyond its message for
 * a shorter one. Not for the decoders of our own, which do.
 */
export function strict(service: ServiceDefinition): ServiceDefinition {
  return mapMethods(service, (method) => ({
    ...method,
    requestDeserialize: (bytes: Buffer): unknown => {
      const reader = new WireReader(bytes)
      while (reader.next()) reader.skip()
      return method.requestDeserialize(bytes)
    },
  }))
}

function mapMethods(service: ServiceDefinition, change: (method: Method) => Method): ServiceDefinition {
  return Object.fromEntries(Object.entries(service).map(([name, method]) => [name, change(method)]))
}

function tolerantMethod(method: Method): Method {
  return {
    ...method,
    requestDeserialize: (bytes: Buffer): unknown => {
      try {
        return method.requestDeserialize(bytes)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        return new Malformed(
          `Expected a well-formed request of ${method.path} but received ${bytes.length} bytes that are none: ${reason}`,
        )
      }
    },
  }
}

export const refuseMalformed: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMessage: (message: unknown, pass) => {
          if (message instanceof Malformed)
            call.sendStatus({ code: status.INVALID_ARGUMENT, details: message.sentence, metadata: null })
          else pass(message)
        },
      }),
  })
