using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Fuzzing.Seeds;

/// <summary>A model that is mutated.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Proto">The model; changed only in copies.</param>
/// <param name="InputFiles">Tensor files of its inputs, in their order; empty where any tensors do.</param>
internal sealed record SeedModel(string Name, ModelProto Proto, IReadOnlyList<string> InputFiles);
