/** Files as models: every form of a place, and what looks like a model and is none. */
import { describe, expect, test } from 'vitest'
import { isPathBelow, isUnfinished, layoutOf } from './layout.js'

const layout = (paths: readonly string[], configs: Readonly<Record<string, string>> = {}) =>
  layoutOf(
    paths.map((path) => ({ path, sizeBytes: 1, tag: 't' })),
    new Map(Object.entries(configs)),
  )
const shown = (paths: readonly string[], configs?: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    layout(paths, configs).models.map(({ name, versions }) => [
      name,
      versions.map(({ file, beside }) => [file.path, ...beside.map(({ path }) => path)]),
    ]),
  )

describe('layout', () => {
  test('takes files, folders with versions by their numbers, and what lies beside them', () => {
    const paths = ['wine.onnx', 'wine.onnx.data', 'wine_weights.bin', 'readme.md', 'cars/10/model.onnx']
    expect(shown([...paths, 'cars/9/model.onnx', 'cars/9/weights/a.bin', 'cars/notes.txt', 'docs/a.md'])).toEqual({
      wine: [['wine.onnx', 'wine.onnx.data', 'wine_weights.bin']],
      cars: [['cars/9/model.onnx', 'cars/9/weights/a.bin'], ['cars/10/model.onnx']],
    })
  })

  test('takes a model that is a folder, and the file and versions that a config.pbtxt says', () => {
    expect(shown(['a/1/model.onnx/model.onnx', 'a/1/model.onnx/data'])).toEqual({
      a: [['a/1/model.onnx/model.onnx', 'a/1/model.onnx/data']],
    })
    const own =
      'backend: "onnxruntime" default_model_filename: "net.onnx" version_policy: { latest: { num_versions: 1 } }'
    expect(shown(['a/1/net.onnx', 'a/2/net.onnx', 'a/3/other.onnx/x', 'a/2/model.onnx'], { a: own })).toEqual({})
    expect(shown(['a/1/net.onnx', 'a/2/net.onnx', 'a/config.pbtxt'], { a: own })).toEqual({ a: [['a/2/net.onnx']] })
    expect(shown(['a/1/net.onnx'], { a: 'default_model_filename: "net.onnx"' })).toEqual({ a: [['a/1/net.onnx']] })
  })

  test('passes over folders that are no versions, and files of other names', () => {
    expect(layout(['a/0/model.onnx', 'a/01/model.onnx', 'a/v1/model.onnx', 'a/1/other.onnx', 'a/model.onnx'])).toEqual({
      models: [],
      problems: [],
    })
  })

  test.each([
    [['a.pkl'], {}, /a\.pkl is a pickled model.*skl2onnx/],
    [['a/1/model.pt'], {}, /a\/1\/model\.pt is a pickled model/],
    [['a/1/model.joblib'], {}, /is a pickled model/],
    [['a.h5'], {}, /tf2onnx/],
    [['a b.onnx'], {}, /"a b" is no name for a model: letters.*Rename/],
    [['ä/1/model.onnx'], {}, /is no name for a model/],
    [['a.onnx', 'a/1/model.onnx'], {}, /lies there twice.*the folder is taken/],
    [['a/1/model.onnx'], { a: 'backend: "python"' }, /a\/config\.pbtxt: it runs on python/],
    [['a/1/model.onnx'], { a: 'platform: "ensemble" ensemble_scheduling {}' }, /penstock model import/],
    [['a/1/model.onnx'], { a: 'sequence_batching {}' }, /keeps state/],
    [['a/1/model.onnx'], { a: 'backend: {' }, /./],
  ])('says of %j with %j why it is not taken', (paths, configs, message) => {
    expect(layout(paths, configs).problems.map((problem) => problem.message)).toEqual([expect.stringMatching(message)])
  })

  test('leaves other models as they are when one cannot be taken', () => {
    expect(shown(['b.onnx', 'a/1/model.onnx', 'c.pkl'], { a: 'backend: "python"' })).toEqual({ b: [['b.onnx']] })
  })
})

test.each(['..', 'a/../b', '/etc/passwd', 'a//b', '', 'a\\b', 'C:/x', 'a\0b', './a', 'a/.', 'a\nb'])(
  'layout: %j is no path below a place',
  (path) => expect(isPathBelow(path)).toBe(false),
)

test.each([
  ['.wine.onnx', true],
  ['wine.onnx.tmp', true],
  ['wine.onnx.PART', true],
  ['wine.onnx~', true],
  ['wine.onnx', false],
  ['party', false],
])('layout: whether %s is unfinished: %s', (name, expected) => expect(isUnfinished(name)).toBe(expected))
