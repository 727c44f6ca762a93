import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isTritonRepository, readTritonRepository } from './triton.js'

describe('a model repository of Triton', () => {
  let outside = ''
  let folder = ''
  const write = (path: string, text = 'bytes'): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const versions = (only?: string[]) =>
    readTritonRepository(folder, only).models.map(({ name, versions: own }) => [
      name,
      ...own.map(({ number }) => number),
    ])

  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'penstock-triton-'))
    folder = join(outside, 'models')
    mkdirSync(folder)
    write('encoder/config.pbtxt', 'backend: "onnxruntime" version_policy { all { } }')
    for (const version of [10, 9, 1]) write(`encoder/${version}/model.onnx`)
    write('encoder/notes/model.onnx')
    write('head/1/model.onnx')
  })
  afterEach(() => rmSync(outside, { recursive: true }))

  test('is read: models with the versions that are served, also without a configuration', () => {
    expect(isTritonRepository(folder)).toBe(true)
    expect(isTritonRepository(outside)).toBe(false)
    expect(versions()).toEqual([
      ['encoder', 1, 9, 10],
      ['head', 1],
    ])
    expect(readTritonRepository(join(folder, 'encoder')).models[0]?.versions[0]?.file).toBe(
      join(folder, 'encoder/1/model.onnx'),
    )
  })

  test('has files in folders of their names, where their data lies beside them', () => {
    rmSync(join(folder, 'head/1/model.onnx'))
    write('head/1/model.onnx/model.onnx')
    write('head/config.pbtxt', 'platform: "onnxruntime_onnx"')
    expect(readTritonRepository(folder).models[1]?.versions[0]?.file).toBe(join(folder, 'head/1/model.onnx/model.onnx'))
  })

  test('is refused as a whole, with every model that cannot be served, and --only leaves them out', () => {
    write('words/config.pbtxt', 'backend: "python"')
    write('flow/config.pbtxt', 'backend: "onnxruntime" sequence_batching { }')
    write('flow/1/model.onnx')
    write('all/config.pbtxt', 'ensemble_scheduling { step { model_name: "words" input_map { key: "x" value: "x" } } }')
    expect(() => readTritonRepository(folder)).toThrow(
      /flow: sequence_batching.*words runs on python.*the ensemble all/,
    )
    expect(versions(['head'])).toEqual([['head', 1]])
    expect(() => versions(['haed'])).toThrow(/no model haed in .*; it has all, encoder, flow, head, words/)
  })

  test.each([
    ['another name than its folder', 'head/config.pbtxt', 'name: "tail" backend: "onnxruntime"', /has the name tail/],
    ['a mistake', 'head/config.pbtxt', 'backend: {', /config\.pbtxt: Expected line 1/],
    [
      'no version',
      'head/config.pbtxt',
      'backend: "onnxruntime" version_policy { specific { versions: 7 } }',
      /no version that its policy serves; there are 1/,
    ],
    [
      'a file elsewhere',
      'head/config.pbtxt',
      'backend: "onnxruntime" default_model_filename: "../../../secret"',
      /to be a path below/,
    ],
    ['no file', 'head/config.pbtxt', 'backend: "onnxruntime" default_model_filename: "net.onnx"', /cannot be read/],
    [
      'a step of no model',
      'all/config.pbtxt',
      'input { name: "x" } ensemble_scheduling { step { model_name: "tail" input_map { key: "x" value: "x" } } }',
      /runs tail, which is no model/,
    ],
    [
      'a step of a version that is not there',
      'all/config.pbtxt',
      'input { name: "x" } ensemble_scheduling { step { model_name: "head" model_version: 4 input_map { key: "x" value: "x" } } }',
      /version 4 of head, which is not served/,
    ],
  ])('with %s is refused', (_, path, text, message) => {
    write(path, text)
    expect(() => readTritonRepository(folder)).toThrow(message)
  })

  test('is not followed out of its folder by a link', () => {
    writeFileSync(join(outside, 'secret'), 'a secret')
    rmSync(join(folder, 'head/1/model.onnx'))
    symlinkSync(join(outside, 'secret'), join(folder, 'head/1/model.onnx'))
    expect(() => readTritonRepository(folder)).toThrow(/a link out of/)
    symlinkSync(join(outside, 'secret'), join(folder, 'head/config.pbtxt'))
    expect(() => readTritonRepository(folder)).toThrow(/the configuration is config\.pbtxt, which is a link out of/)
  })
})
