/** The public face of the ONNX reader. */
export type * from './model.js'
export { readOnnx } from './read.js'
export { graphsOf, nodesOf, tensorsOf } from './walk.js'
