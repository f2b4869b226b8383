namespace OnnxStream.Interop.Graphs;

/// <summary>What was read from a model's file or folder.</summary>
/// <param name="Path">The file or folder, as an absolute path.</param>
/// <param name="Format"><c>ONNX</c>, <c>GGUF</c> or <c>OnnxStream</c>.</param>
/// <param name="OperatorSets">The version of each operator domain that the model imports; ONNX's own domain is the empty string.</param>
/// <param name="Graph">The graph.</param>
internal sealed record ModelContent(string Path, string Format, IReadOnlyDictionary<string, long> OperatorSets, Graph Graph);
