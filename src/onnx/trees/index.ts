/** Graphs that are tree ensembles, read for kernels that run nothing else. */
export { readTrees, type TreeReading } from './read-trees.js'
export type { TreeGraph, TreeOutput, TreeSpec, TreeTables } from './tree-spec.js'
