/** All operations, in the order of the documentation. */
import type { OpKind } from '../draft/op-kind.js'
import type { AnyOp } from '../draft/operation.js'
import { bucketiseKind, type BucketiseOp } from './columns/bucketise.js'
import { castKind, type CastOp } from './columns/cast.js'
import { clipKind, type ClipOp } from './columns/clip.js'
import { hashKind, type HashOp } from './columns/hash.js'
import { imputeKind, type ImputeOp } from './columns/impute.js'
import { log1pKind, type Log1pOp } from './columns/log1p.js'
import { minMaxKind, type MinMaxOp } from './columns/min-max.js'
import { oneHotKind, type OneHotOp } from './columns/one-hot.js'
import { ordinalKind, type OrdinalOp } from './columns/ordinal.js'
import { standardScaleKind, type StandardScaleOp } from './columns/standard-scale.js'
import { dropKind, type DropOp } from './names/drop.js'
import { keepKind, type KeepOp } from './names/keep.js'
import { renameKind, type RenameOp } from './names/rename.js'
import { argMaxKind, type ArgMaxOp } from './scores/arg-max.js'
import { labelMapKind, type LabelMapOp } from './scores/label-map.js'
import { roundKind, type RoundOp } from './scores/round.js'
import { sigmoidKind, type SigmoidOp } from './scores/sigmoid.js'
import { softmaxKind, type SoftmaxOp } from './scores/softmax.js'
import { thresholdKind, type ThresholdOp } from './scores/threshold.js'
import { topKKind, type TopKOp } from './scores/top-k.js'
import { concatKind, type ConcatOp } from './tensors/concat.js'
import { cropKind, type CropOp } from './tensors/crop.js'
import { l2NormaliseKind, type L2NormaliseOp } from './tensors/l2-normalise.js'
import { meanPoolKind, type MeanPoolOp } from './tensors/mean-pool.js'
import { padKind, type PadOp } from './tensors/pad.js'
import { reshapeKind, type ReshapeOp } from './tensors/reshape.js'
import { resizeKind, type ResizeOp } from './tensors/resize.js'
import { splitKind, type SplitOp } from './tensors/split.js'
import { transposeKind, type TransposeOp } from './tensors/transpose.js'

export type TransformOp =
  | ImputeOp
  | OneHotOp
  | OrdinalOp
  | StandardScaleOp
  | MinMaxOp
  | ClipOp
  | Log1pOp
  | BucketiseOp
  | HashOp
  | CastOp
  | ConcatOp
  | SplitOp
  | ReshapeOp
  | TransposeOp
  | ResizeOp
  | CropOp
  | PadOp
  | MeanPoolOp
  | L2NormaliseOp
  | SoftmaxOp
  | SigmoidOp
  | ArgMaxOp
  | TopKOp
  | LabelMapOp
  | ThresholdOp
  | RoundOp
  | RenameOp
  | DropOp
  | KeepOp

const kinds = [
  imputeKind,
  oneHotKind,
  ordinalKind,
  standardScaleKind,
  minMaxKind,
  clipKind,
  log1pKind,
  bucketiseKind,
  hashKind,
  castKind,
  concatKind,
  splitKind,
  reshapeKind,
  transposeKind,
  resizeKind,
  cropKind,
  padKind,
  meanPoolKind,
  l2NormaliseKind,
  softmaxKind,
  sigmoidKind,
  argMaxKind,
  topKKind,
  labelMapKind,
  thresholdKind,
  roundKind,
  renameKind,
  dropKind,
  keepKind,
] as unknown as readonly OpKind[]

const kindByName = new Map(kinds.map((kind) => [kind.op, kind]))

export const opNames: readonly string[] = kinds.map(({ op }) => op)

export function opKind(name: unknown): OpKind | undefined {
  return typeof name === 'string' ? kindByName.get(name) : undefined
}

/** @param op one that was parsed. */
export function kindOf(op: AnyOp): OpKind {
  const kind = kindByName.get(op.op)
  if (kind === undefined) throw new Error(`Expected ${op.op} to be an operation`)
  return kind
}
