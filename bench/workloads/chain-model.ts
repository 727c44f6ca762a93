/** The steps of criterion 8, apart from its measurement: a comparison of two builds starts it without an engine of this one. */
import { join } from 'node:path'
import { projectRoot } from '../harness/project.js'

/** 12 floats in, 12 floats out, so that it can follow itself. */
export const chainModelPath = join(projectRoot, 'examples', 'models', 'wine-scaler', 'model.onnx')
export const chainSteps = 9
