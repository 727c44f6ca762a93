/**
 * "Did you mean …?": the nearest of a few known names by the Damerau-Levenshtein distance (optimal string alignment), so
 * that a typing error is answered with the cure. Only names that are near enough to be a slip are proposed.
 */
const lengthMax = 128

/** @returns the candidate nearest to `name`, or null when none is within a third of its length. */
export function closest(name: string, candidates: readonly string[]): string | null {
  if (name.length > lengthMax) return null
  let nearest: string | null = null
  let distanceMin = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    // As many letters as one has more than the other have to come or go.
    if (Math.abs(candidate.length - name.length) >= distanceMin) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    // A name of one letter would keep nothing.
    if (distance >= distanceMin || distance >= name.length) continue
    distanceMin = distance
    nearest = candidate
  }
  return nearest
}

/** The end of a sentence about a name that there is none of: `. Did you mean wine?`, or nothing. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const near = closest(name, candidates)
  return near === null ? '' : `. Did you mean ${near}?`
}

/** O(n × m) for lengths <= 128: only on the way to an error. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let distance = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwap) distance = Math.min(distance, (before[j - 2] ?? 0) + 1)
      row[j] = distance
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}
