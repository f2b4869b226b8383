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

    private static readonly string[] s_ram = ["--weights", "ram"];

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
    ];
}
