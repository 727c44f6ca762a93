#include "transform/ops/ops.hpp"

namespace penstock::transform {
const OpEntry* op_entry(TransformOpcode opcode) noexcept {
  switch (opcode) {
    case TransformOpcode::kCast:
      return &kCastOp;
    case TransformOpcode::kImputeFloats:
      return &kImputeFloatsOp;
    case TransformOpcode::kImputeValues:
      return &kImputeValuesOp;
    case TransformOpcode::kNormalise:
      return &kNormaliseOp;
    case TransformOpcode::kScale:
      return &kScaleOp;
    case TransformOpcode::kClip:
      return &kClipOp;
    case TransformOpcode::kLog1p:
      return &kLog1pOp;
    case TransformOpcode::kSigmoid:
      return &kSigmoidOp;
    case TransformOpcode::kRound:
      return &kRoundOp;
    case TransformOpcode::kThreshold:
      return &kThresholdOp;
    case TransformOpcode::kBins:
      return &kBinsOp;
    case TransformOpcode::kLookup:
      return &kLookupOp;
    case TransformOpcode::kGather:
      return &kGatherOp;
    case TransformOpcode::kOneHot:
      return &kOneHotOp;
    case TransformOpcode::kConcat:
      return &kConcatOp;
    case TransformOpcode::kSlice:
      return &kSliceOp;
    case TransformOpcode::kTranspose:
      return &kTransposeOp;
    case TransformOpcode::kResize:
      return &kResizeOp;
    case TransformOpcode::kWindow:
      return &kWindowOp;
    case TransformOpcode::kSoftmax:
      return &kSoftmaxOp;
    case TransformOpcode::kArgMax:
      return &kArgMaxOp;
    case TransformOpcode::kTopK:
      return &kTopKOp;
    case TransformOpcode::kHash:
      return &kHashOp;
    case TransformOpcode::kMeanPool:
      return &kMeanPoolOp;
    case TransformOpcode::kL2Normalise:
      return &kL2NormaliseOp;
  }
  return nullptr;
}
}  // namespace penstock::transform
