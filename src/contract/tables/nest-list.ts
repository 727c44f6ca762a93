/** Flat lists of values as the nested ones that a field's dims mean. */

/** A field's dims with the free one filled in; flat where they do not hold as many, which breaks the rule of the shape. */
export function filledDims(shape: readonly (number | null)[], count: number): readonly number[] {
  const known = shape.reduce<number>((product, dim) => product * (dim ?? 1), 1)
  const dims = shape.map((dim) => dim ?? count / known)
  return dims.every(Number.isInteger) && dims.reduce((product, dim) => product * dim, 1) === count ? dims : [count]
}

/** @param dims of as many elements. */
export function nestList(elements: readonly unknown[], dims: readonly number[]): readonly unknown[] {
  // From the inside out: rows of the last dim, then rows of those.
  return dims
    .slice(1)
    .reduceRight<readonly unknown[]>(
      (inner, dim) =>
        Array.from({ length: inner.length / dim }, (_, index) => inner.slice(index * dim, (index + 1) * dim)),
      elements,
    )
}
