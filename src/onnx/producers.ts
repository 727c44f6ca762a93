/**
 * The tools that write ONNX files, and what a user of each does about a file that cannot be served: the sentence must
 * name what the tool at hand takes. Names are those that the tools write into `producer_name`.
 */
import type { OnnxModel } from './model.js'

export interface Producer {
  /** As people call it. */
  readonly title: string
  /** How to export again with opset and IR versions that are read here; `opset` stands for the number. */
  readonly olderOpset: (opset: number) => string
  /** How to get a file that holds its weights. */
  readonly oneFile: string
}

const ONE_FILE = '`onnx.save(onnx.load(path), path, save_as_external_data=False)`'

const unknown: Producer = {
  title: 'the tool that wrote it',
  olderOpset: (opset) =>
    `convert it with \`onnx.version_converter.convert_version(model, ${opset})\`, or make it with \`opset_imports=[onnx.helper.make_opsetid("", ${opset})]\``,
  oneFile: ONE_FILE,
}

const withTargetOpset = (title: string, call: string): Producer => ({
  title,
  olderOpset: (opset) => `convert again with \`${call.replace('OPSET', String(opset))}\``,
  oneFile: ONE_FILE,
})

const producers: readonly (readonly [RegExp, Producer])[] = [
  [
    /^pytorch$/i,
    {
      title: 'PyTorch',
      olderOpset: (opset) => `export again with \`torch.onnx.export(…, opset_version=${opset})\``,
      oneFile: '`torch.onnx.export(…, external_data=False)`',
    },
  ],
  [/^skl2onnx$/i, withTargetOpset('skl2onnx', 'skl2onnx.to_onnx(…, target_opset=OPSET)')],
  [
    /^(onnxmltools|onnxconverter-common|OnnxMLTools)$/i,
    withTargetOpset('onnxmltools', 'onnxmltools.convert_…(…, target_opset=OPSET)'),
  ],
  [/^tf2onnx$/i, withTargetOpset('tf2onnx', 'python -m tf2onnx.convert … --opset OPSET')],
  [/^keras2onnx$/i, withTargetOpset('keras2onnx', 'keras2onnx.convert_keras(…, target_opset=OPSET)')],
]

/** The tool that wrote a file, by what the file says. */
export function producerOf(model: OnnxModel): Producer {
  return producers.find(([pattern]) => pattern.test(model.producerName))?.[1] ?? unknown
}
