/** Preloaded (NODE_OPTIONS) into the process of inspections: the first run of a model ends it, as a fault of native code would. */
const { InferenceSession } = await import('onnxruntime-node')
InferenceSession.prototype.run = () => process.kill(process.pid, 'SIGFPE')
