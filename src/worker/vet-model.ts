/**
 * Reads an uploaded file before ONNX Runtime sees it, and refuses what would make ONNX Runtime open other files: a tensor
 * whose data lies elsewhere is looked for beside the model or in the process's working folder, which are the server's.
 * A file that Penstock cannot read is refused as well, because nobody could say then what it refers to.
 */
import { isPenstockError } from '../base/errors.js'
import { producerOf, readOnnx, tensorsOf, type OnnxModel } from '../onnx/index.js'
import { UnservableModel } from './inspect-model.js'

/** @throws UnservableModel with a sentence that says why and what to do. */
export function vetModel(bytes: Uint8Array): OnnxModel {
  let model: OnnxModel
  let files: Map<string, string>
  try {
    model = readOnnx(bytes)
    files = externalFiles(model)
  } catch (error) {
    if (!isPenstockError(error)) throw error
    throw new UnservableModel(`Expected an ONNX file but received ${describeBytes(bytes)} (${error.message})`)
  }
  if (files.size > 0) throw new UnservableModel(externalRefusal(model, files))
  return model
}

/** The first tensor of each file that the model refers to, by the file's name. */
function externalFiles(model: OnnxModel): Map<string, string> {
  const files = new Map<string, string>()
  for (const { name, isExternal, externalData } of tensorsOf(model)) {
    const location = externalData.get('location') ?? ''
    if (isExternal && !files.has(location)) files.set(location, name)
  }
  return files
}

function externalRefusal(model: OnnxModel, files: ReadonlyMap<string, string>): string {
  const [location, tensor] = [...files][0] as [string, string]
  const others = files.size === 1 ? '' : `, and ${files.size - 1} more file${files.size === 2 ? '' : 's'}`
  return (
    `The weights (tensor ${clip(tensor)}) lie in another file, ${clip(location)}${others}, which was not sent. ` +
    `Save the model as one file: ${producerOf(model).oneFile}`
  )
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'no bytes'
  if (bytes[0] === 0x50 && bytes[1] === 0x4b)
    return 'a ZIP archive, such as a PyTorch checkpoint. Export it with torch.onnx.export'
  if (bytes[0] === 0x80 && (bytes[1] ?? 0) <= 5) return 'a Python pickle. Convert it with skl2onnx or torch.onnx.export'
  if (Buffer.from(bytes.subarray(4, 8)).toString('latin1') === 'ORTM')
    return "a file in ONNX Runtime's own format (.ort). Bring the .onnx file that it was made from"
  return `${bytes.length} bytes that are none`
}
