/** The public face of the ONNX reader. */
export type * from './model.js'
export { dataFilePath, externalFiles } from './external-data.js'
export { inputHints, type InputHint, type ValueHint } from './hints/input-hints.js'
export { producerOf, type Producer } from './producers.js'
export { readOnnx } from './read.js'
export { IR_VERSION_MAX, OPSETS_MAX, versionRefusal } from './runtime-versions.js'
export { takeUpload, type TakenUpload, type Upload } from './upload.js'
export { graphsOf, nodesOf, tensorsOf } from './walk.js'
