/** The public face of the ONNX reader. */
export type * from './model.js'
export { producerOf, type Producer } from './producers.js'
export { readOnnx } from './read.js'
export { graphsOf, nodesOf, tensorsOf } from './walk.js'
