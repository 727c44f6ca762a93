/** The methods of T as they are from afar: each with a promise of what it returns. A type, so that what mirrors the engine must. */
export type Remote<T> = {
  [K in keyof T]: T[K] extends (...parameters: infer P) => infer R ? (...parameters: P) => Promise<Awaited<R>> : T[K]
}
