// The functions of ONNX Runtime's C API that are used here. The package that ships the library ships no header, so they
// are declared anew: a table of pointers, of which each function has one place for good, because the table only grows.
// `kApiVersion` names the table that has all of them; later libraries give the same one, longer.
//
// Types are opaque. A function that returns a Status* has failed unless it is null, and the caller releases it. Names
// and dimensions are copied by whoever gets them; tensors over given memory are lent it until they are released.
// Source: github.com/microsoft/onnxruntime, onnxruntime_c_api.h (order and signatures; the positions are asserted
// there).
#pragma once
#include <cstddef>
#include <cstdint>

namespace penstock::ort {
struct Status;
struct Env;
struct SessionHandle;
struct SessionOptions;
struct RunOptions;
struct Value;
struct MemoryInfo;
struct Allocator;
struct TypeInfo;
struct TensorInfo;
struct CudaOptions;

// ONNX Runtime 1.15: the first with all of the slots.
inline constexpr uint32_t kApiVersion = 15;

// Places in the table.
struct Slot {
  static constexpr size_t kCreateStatus = 0;
  static constexpr size_t kGetErrorCode = 1;
  static constexpr size_t kGetErrorMessage = 2;
  static constexpr size_t kCreateEnv = 3;
  static constexpr size_t kCreateSession = 7;
  static constexpr size_t kCreateSessionFromArray = 8;
  static constexpr size_t kRun = 9;
  static constexpr size_t kCreateSessionOptions = 10;
  static constexpr size_t kSetSessionExecutionMode = 13;
  static constexpr size_t kSetSessionLogSeverityLevel = 22;
  static constexpr size_t kSetSessionGraphOptimizationLevel = 23;
  static constexpr size_t kSetIntraOpNumThreads = 24;
  static constexpr size_t kSetInterOpNumThreads = 25;
  static constexpr size_t kSessionGetInputCount = 30;
  static constexpr size_t kSessionGetOutputCount = 31;
  static constexpr size_t kSessionGetInputTypeInfo = 33;
  static constexpr size_t kSessionGetOutputTypeInfo = 34;
  static constexpr size_t kSessionGetInputName = 36;
  static constexpr size_t kSessionGetOutputName = 37;
  static constexpr size_t kCreateRunOptions = 39;
  static constexpr size_t kRunOptionsSetTerminate = 46;
  static constexpr size_t kRunOptionsUnsetTerminate = 47;
  static constexpr size_t kCreateTensorAsOrtValue = 48;
  static constexpr size_t kCreateTensorWithDataAsOrtValue = 49;
  static constexpr size_t kIsTensor = 50;
  static constexpr size_t kGetTensorMutableData = 51;
  static constexpr size_t kGetStringTensorDataLength = 53;
  static constexpr size_t kGetStringTensorContent = 54;
  static constexpr size_t kCastTypeInfoToTensorInfo = 55;
  static constexpr size_t kGetTensorElementType = 60;
  static constexpr size_t kGetDimensionsCount = 61;
  static constexpr size_t kGetDimensions = 62;
  static constexpr size_t kGetTensorShapeElementCount = 64;
  static constexpr size_t kGetTensorTypeAndShape = 65;
  static constexpr size_t kCreateCpuMemoryInfo = 69;
  static constexpr size_t kMemoryInfoGetName = 71;
  static constexpr size_t kAllocatorFree = 76;
  static constexpr size_t kGetAllocatorWithDefaultOptions = 78;
  static constexpr size_t kReleaseEnv = 92;
  static constexpr size_t kReleaseStatus = 93;
  static constexpr size_t kReleaseMemoryInfo = 94;
  static constexpr size_t kReleaseSession = 95;
  static constexpr size_t kReleaseValue = 96;
  static constexpr size_t kReleaseRunOptions = 97;
  static constexpr size_t kReleaseTypeInfo = 98;
  static constexpr size_t kReleaseTensorInfo = 99;
  static constexpr size_t kReleaseSessionOptions = 100;
  static constexpr size_t kAddSessionConfigEntry = 130;
  static constexpr size_t kAppendCuda = 204;
  static constexpr size_t kCreateCudaOptions = 205;
  static constexpr size_t kUpdateCudaOptions = 206;
  static constexpr size_t kReleaseCudaOptions = 208;
  static constexpr size_t kGetSessionConfigEntry = 238;
  static constexpr size_t kGetResizedStringBuffer = 252;
};

// The numbers of enumerations that are passed.
inline constexpr int kSeverityFatal = 4;
inline constexpr int kSeverityWarning = 2;
inline constexpr int kOptimizeNothing = 0;
inline constexpr int kOptimizeAll = 99;
inline constexpr int kSequential = 0;
inline constexpr int kDeviceAllocator = 0;
inline constexpr int kDefaultMemory = 0;

struct Api {
  Status* (*create_status)(int code, const char* text) = nullptr;
  int (*error_code)(const Status*) = nullptr;
  const char* (*error_text)(const Status*) = nullptr;
  Status* (*create_env)(int log_level, const char* name, Env**) = nullptr;
  Status* (*create_session)(const Env*, const char* path, const SessionOptions*, SessionHandle**) = nullptr;
  Status* (*create_session_of_bytes)(const Env*, const void*, size_t, const SessionOptions*, SessionHandle**) = nullptr;
  Status* (*run)(SessionHandle*, const RunOptions*, const char* const* input_names, const Value* const* inputs,
                 size_t input_count, const char* const* output_names, size_t output_count, Value** outputs) = nullptr;
  Status* (*create_session_options)(SessionOptions**) = nullptr;
  Status* (*set_execution_mode)(SessionOptions*, int) = nullptr;
  Status* (*set_log_level)(SessionOptions*, int) = nullptr;
  Status* (*set_optimization_level)(SessionOptions*, int) = nullptr;
  Status* (*set_intra_op_threads)(SessionOptions*, int) = nullptr;
  Status* (*set_inter_op_threads)(SessionOptions*, int) = nullptr;
  Status* (*input_count)(const SessionHandle*, size_t*) = nullptr;
  Status* (*output_count)(const SessionHandle*, size_t*) = nullptr;
  Status* (*input_type)(const SessionHandle*, size_t index, TypeInfo**) = nullptr;
  Status* (*output_type)(const SessionHandle*, size_t index, TypeInfo**) = nullptr;
  Status* (*input_name)(const SessionHandle*, size_t index, Allocator*, char**) = nullptr;
  Status* (*output_name)(const SessionHandle*, size_t index, Allocator*, char**) = nullptr;
  Status* (*create_run_options)(RunOptions**) = nullptr;
  Status* (*set_terminate)(RunOptions*) = nullptr;
  Status* (*unset_terminate)(RunOptions*) = nullptr;
  Status* (*create_tensor)(Allocator*, const int64_t* dims, size_t rank, int type, Value**) = nullptr;
  Status* (*create_tensor_over)(const MemoryInfo*, void* data, size_t bytes, const int64_t* dims, size_t rank, int type,
                                Value**) = nullptr;
  Status* (*is_tensor)(const Value*, int*) = nullptr;
  Status* (*tensor_data)(Value*, void**) = nullptr;
  Status* (*string_bytes)(const Value*, size_t*) = nullptr;
  Status* (*string_content)(const Value*, void* bytes, size_t size, size_t* offsets, size_t count) = nullptr;
  Status* (*tensor_info_of_type)(const TypeInfo*, const TensorInfo**) = nullptr;
  Status* (*element_type)(const TensorInfo*, int*) = nullptr;
  Status* (*rank)(const TensorInfo*, size_t*) = nullptr;
  Status* (*dims)(const TensorInfo*, int64_t*, size_t rank) = nullptr;
  Status* (*element_count)(const TensorInfo*, size_t*) = nullptr;
  Status* (*tensor_info)(const Value*, TensorInfo**) = nullptr;
  Status* (*create_cpu_memory_info)(int allocator, int memory, MemoryInfo**) = nullptr;
  Status* (*memory_info_name)(const MemoryInfo*, const char**) = nullptr;
  Status* (*free_memory)(Allocator*, void*) = nullptr;
  Status* (*default_allocator)(Allocator**) = nullptr;
  void (*release_env)(Env*) = nullptr;
  void (*release_status)(Status*) = nullptr;
  void (*release_memory_info)(MemoryInfo*) = nullptr;
  void (*release_session)(SessionHandle*) = nullptr;
  void (*release_value)(Value*) = nullptr;
  void (*release_run_options)(RunOptions*) = nullptr;
  void (*release_type)(TypeInfo*) = nullptr;
  void (*release_tensor_info)(TensorInfo*) = nullptr;
  void (*release_session_options)(SessionOptions*) = nullptr;
  Status* (*add_config_entry)(SessionOptions*, const char* key, const char* value) = nullptr;
  Status* (*append_cuda)(SessionOptions*, const CudaOptions*) = nullptr;
  Status* (*create_cuda_options)(CudaOptions**) = nullptr;
  Status* (*update_cuda_options)(CudaOptions*, const char* const* keys, const char* const* values,
                                 size_t count) = nullptr;
  void (*release_cuda_options)(CudaOptions*) = nullptr;
  Status* (*config_entry)(const SessionOptions*, const char* key, char* value, size_t* size) = nullptr;
  Status* (*string_buffer)(Value*, size_t index, size_t bytes, char** buffer) = nullptr;

  // Visits every function with its place: visit(slot, member).
  template <typename Visit>
  void for_each(Visit&& visit) {
    visit(Slot::kCreateStatus, create_status);
    visit(Slot::kGetErrorCode, error_code);
    visit(Slot::kGetErrorMessage, error_text);
    visit(Slot::kCreateEnv, create_env);
    visit(Slot::kCreateSession, create_session);
    visit(Slot::kCreateSessionFromArray, create_session_of_bytes);
    visit(Slot::kRun, run);
    visit(Slot::kCreateSessionOptions, create_session_options);
    visit(Slot::kSetSessionExecutionMode, set_execution_mode);
    visit(Slot::kSetSessionLogSeverityLevel, set_log_level);
    visit(Slot::kSetSessionGraphOptimizationLevel, set_optimization_level);
    visit(Slot::kSetIntraOpNumThreads, set_intra_op_threads);
    visit(Slot::kSetInterOpNumThreads, set_inter_op_threads);
    visit(Slot::kSessionGetInputCount, input_count);
    visit(Slot::kSessionGetOutputCount, output_count);
    visit(Slot::kSessionGetInputTypeInfo, input_type);
    visit(Slot::kSessionGetOutputTypeInfo, output_type);
    visit(Slot::kSessionGetInputName, input_name);
    visit(Slot::kSessionGetOutputName, output_name);
    visit(Slot::kCreateRunOptions, create_run_options);
    visit(Slot::kRunOptionsSetTerminate, set_terminate);
    visit(Slot::kRunOptionsUnsetTerminate, unset_terminate);
    visit(Slot::kCreateTensorAsOrtValue, create_tensor);
    visit(Slot::kCreateTensorWithDataAsOrtValue, create_tensor_over);
    visit(Slot::kIsTensor, is_tensor);
    visit(Slot::kGetTensorMutableData, tensor_data);
    visit(Slot::kGetStringTensorDataLength, string_bytes);
    visit(Slot::kGetStringTensorContent, string_content);
    visit(Slot::kCastTypeInfoToTensorInfo, tensor_info_of_type);
    visit(Slot::kGetTensorElementType, element_type);
    visit(Slot::kGetDimensionsCount, rank);
    visit(Slot::kGetDimensions, dims);
    visit(Slot::kGetTensorShapeElementCount, element_count);
    visit(Slot::kGetTensorTypeAndShape, tensor_info);
    visit(Slot::kCreateCpuMemoryInfo, create_cpu_memory_info);
    visit(Slot::kMemoryInfoGetName, memory_info_name);
    visit(Slot::kAllocatorFree, free_memory);
    visit(Slot::kGetAllocatorWithDefaultOptions, default_allocator);
    visit(Slot::kReleaseEnv, release_env);
    visit(Slot::kReleaseStatus, release_status);
    visit(Slot::kReleaseMemoryInfo, release_memory_info);
    visit(Slot::kReleaseSession, release_session);
    visit(Slot::kReleaseValue, release_value);
    visit(Slot::kReleaseRunOptions, release_run_options);
    visit(Slot::kReleaseTypeInfo, release_type);
    visit(Slot::kReleaseTensorInfo, release_tensor_info);
    visit(Slot::kReleaseSessionOptions, release_session_options);
    visit(Slot::kAddSessionConfigEntry, add_config_entry);
    visit(Slot::kAppendCuda, append_cuda);
    visit(Slot::kCreateCudaOptions, create_cuda_options);
    visit(Slot::kUpdateCudaOptions, update_cuda_options);
    visit(Slot::kReleaseCudaOptions, release_cuda_options);
    visit(Slot::kGetSessionConfigEntry, config_entry);
    visit(Slot::kGetResizedStringBuffer, string_buffer);
  }
};

// Frees what a Status says after its text was read. Empty: it was no failure.
template <typename Text>
bool take_failure(const Api& api, Status* status, Text& text) {
  if (status == nullptr) return false;
  text = api.error_text(status);
  api.release_status(status);
  return true;
}
}  // namespace penstock::ort
