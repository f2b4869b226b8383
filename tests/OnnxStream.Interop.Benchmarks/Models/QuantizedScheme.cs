namespace OnnxStream.Interop.Benchmarks.Models;

/// <summary>A way to write a float model in 8 bits that ONNX Runtime reads, too.</summary>
/// <param name="Name">What files and engines are called.</param>
/// <param name="Description">What it is.</param>
/// <param name="Options">Options of <c>onnxstream quantize</c>.</param>
internal sealed record QuantizedScheme(string Name, string Description, IReadOnlyList<string> Options)
{
    /// <summary>All schemes.</summary>
    public static IReadOnlyList<QuantizedScheme> All { get; } =
    [
        new("qdq", "8-bit weights and activations, single-precision results of convolutions", ["--scheme", "w8a8", "--float-results"]),
        new("qdq-results", "8-bit weights, activations and results of convolutions", ["--scheme", "w8a8"]),
    ];
}
