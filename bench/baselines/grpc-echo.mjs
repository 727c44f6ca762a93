/**
 * The floor of a gRPC call: a bare @grpc/grpc-js server that gives every ModelInfer message back as it came, unread.
 *   node bench/baselines/grpc-echo.mjs      prints {"port":N}
 */
import { Server, ServerCredentials } from '@grpc/grpc-js'

const same = (bytes) => bytes
const server = new Server()
server.addService(
  {
    ModelInfer: {
      path: '/inference.GRPCInferenceService/ModelInfer',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  { ModelInfer: (call, callback) => callback(null, call.request) },
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  console.log(JSON.stringify({ port }))
})
