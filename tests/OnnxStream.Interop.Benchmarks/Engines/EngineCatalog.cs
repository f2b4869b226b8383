using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>The engines that can be asked for by name.</summary>
internal static class EngineCatalog
{
    /// <summary>The engine that others are compared with.</summary>
    public const string Baseline = "onnxruntime";

    /// <summary>This library without options.</summary>
    public const string Plain = "onnxstream";

    /// <summary>The names of the engines that are measured unless others are named.</summary>
    public static IReadOnlyList<string> DefaultNames { get; } = [Baseline, "onnxruntime-lean", Plain, "onnxstream-store", "onnxstream-store-f16", "onnxstream-store-half"];

    /// <summary>The names of the engines that small models are measured with: with weights in memory as ONNX Runtime has them, and streamed.</summary>
    public static IReadOnlyList<string> SmallModelNames { get; } = [Baseline, "onnxstream-store-ram", "onnxstream-store", Plain];

    /// <summary>The names of the engines that compare 8 and 4 bits: those of a model's float file, and those that are given its 8-bit files.</summary>
    public static IReadOnlyList<string> QuantizedNames { get; } =
        [Baseline, "onnxruntime-qdq", "onnxruntime-qdq-results", "onnxstream-int8", "onnxstream-int8-bytes", "onnxstream-int4", "onnxstream-qdq", "onnxstream-qdq-results"];

    private static readonly string[] s_ram = ["--weights", "ram"];

    private static readonly string[] s_bytes = ["--activation-type", "int8"];

    private static readonly string[] s_half = ["--activation-type", "f16"];

    /// <summary>All engines.</summary>
    /// <param name="tool">The path of the <c>onnxstream</c> tool.</param>
    /// <param name="storeFolder">Where packed weights are kept.</param>
    public static IReadOnlyList<Engine> Create(string tool, string storeFolder) =>
    [
        new OnnxRuntimeEngine(Baseline, $"ONNX Runtime {OnnxRuntimeSession.Version} as it comes", OnnxRuntimeMode.Default),
        new OnnxRuntimeEngine("onnxruntime-lean", "ONNX Runtime without arena, memory pattern and packed copies of weights", OnnxRuntimeMode.Lean),
        new OnnxRuntimeEngine("onnxruntime-unoptimized", "the same without graph optimizations", OnnxRuntimeMode.Unoptimized),
        new ToolEngine(Plain, "this library: weights are packed anew in every run", tool, []),
        new ToolEngine("onnxstream-store", "this library with packed weights kept in a file (`--panel-store`)", tool, []) { StoreFolder = storeFolder },
        new ToolEngine("onnxstream-store-ram", "this library with packed weights read into memory once (`--panel-store --weights ram`): nothing is streamed, as with ONNX Runtime", tool, s_ram) { StoreFolder = storeFolder },
        new ToolEngine("onnxstream-half", "this library with activations stored in half precision (`--activation-type f16`)", tool, s_half),
        new ToolEngine("onnxstream-store-half", "the same with packed weights kept in a file", tool, s_half) { StoreFolder = storeFolder },
        new ToolEngine("onnxstream-store-f16", "this library with packed weights kept in half precision (`--panel-type f16`)", tool, []) { StoreFolder = storeFolder, StoreType = "f16" },
        new ToolEngine("onnxstream-int8", "this library with packed weights kept in 8 bits (`--panel-type int8`), made of the float file", tool, []) { StoreFolder = storeFolder, StoreType = "int8" },
        new ToolEngine("onnxstream-int8-bytes", "the same with activations stored in 8 bits (`--activation-type int8`)", tool, s_bytes) { StoreFolder = storeFolder, StoreType = "int8" },
        new ToolEngine("onnxstream-int4", "this library with packed weights kept in 4 bits where that is possible (`--panel-type int4`), made of the float file", tool, []) { StoreFolder = storeFolder, StoreType = "int4" },
    ];

    /// <summary>Engines that are given a model's 8-bit files: ONNX Runtime and this library with each scheme.</summary>
    /// <param name="tool">The path of the <c>onnxstream</c> tool.</param>
    /// <param name="storeFolder">Where packed weights are kept.</param>
    /// <param name="cache">Where the 8-bit files are.</param>
    public static IReadOnlyList<Engine> CreateQuantized(string tool, string storeFolder, ModelCache cache)
    {
        Engine[] engines =
        [
            new OnnxRuntimeEngine(Baseline, $"ONNX Runtime {OnnxRuntimeSession.Version} as it comes", OnnxRuntimeMode.Default),
            new ToolEngine(Plain, "this library with packed weights kept in a file", tool, []) { StoreFolder = storeFolder },
        ];
        return [.. engines.SelectMany(engine => QuantizedScheme.All.Select(scheme => new QuantizedFileEngine(engine, scheme, cache)))];
    }
}
