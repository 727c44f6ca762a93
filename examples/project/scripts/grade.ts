import type { Script } from 'penstock'

/** What people would call it. Columns in, columns out, as many values as there are rows. */
const grade: Script = ({ columns }) => ({
  grade: Array.from(columns.quality as Float32Array, gradeOf),
})
export default grade

function gradeOf(quality: number): string {
  if (quality >= 6.5) return 'good'
  return quality >= 5 ? 'fair' : 'poor'
}
