/** Whether the rows of a batch stay apart in a graph. */
export { analyzeRows, type AnalysedInput, type AnalysedOutput, type RowAnalysis } from './analyze.js'
export type { Culprit } from './value.js'
