/** Random expressions of the check language over the leaves that a test has values for. */
import fc from 'fast-check'

const binaryExact = ['+', '-', '*', '/', '%', '<', '<=', '>', '>=', '==', '!=', '&&', '||', '&', '|']
const unaryExact = ['abs', 'sqrt', 'floor', 'ceil', 'round', 'isNaN', 'isFinite', '!', '-']

/**
 * @param leaves texts such as `in.a[0]`; numbers are added.
 * @param hasTranscendental also exp, log and **, which two maths libraries may round differently in the last bit.
 */
export function randomExpression(leaves: readonly string[], hasTranscendental: boolean): fc.Arbitrary<string> {
  const binary = hasTranscendental ? [...binaryExact, '**'] : binaryExact
  const unary = hasTranscendental ? [...unaryExact, 'log', 'exp'] : unaryExact
  const leaf = fc.oneof(
    fc.double({ min: -10, max: 10, noNaN: true }).map((x) => (x < 0 || Object.is(x, -0) ? `(${x})` : String(x))),
    fc.integer({ min: -3, max: 3 }).map((x) => `(${x})`),
    fc.constantFrom(...leaves),
  )
  return fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 6, depthSize: 'large' },
      leaf,
      fc.tuple(tie('expression'), fc.constantFrom(...binary), tie('expression')).map(([x, o, y]) => `(${x} ${o} ${y})`),
      fc.tuple(fc.constantFrom(...unary), tie('expression')).map(([f, x]) => `${f}(${x})`),
      fc
        .tuple(fc.constantFrom('min', 'max'), fc.array(tie('expression'), { minLength: 2, maxLength: 3 }))
        .map(([f, xs]) => `${f}(${xs.join(', ')})`),
      fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
    ),
  })).expression
}
