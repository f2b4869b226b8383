using Microsoft.ML.OnnxRuntimeGenAI;

namespace OnnxStream.Interop.Benchmarks.Peers;

/// <summary>ONNX Runtime GenAI with one of its folders.</summary>
internal sealed class OnnxRuntimeGenAi : LanguageEngine
{
    private readonly Model _model;
    private readonly GeneratorParams _parameters;
    private Generator? _generator;

    /// <summary>Opens the folder.</summary>
    public OnnxRuntimeGenAi(string folder, int threads, int context)
    {
        using Config config = new(folder);
        config.Overlay("{\"model\":{\"decoder\":{\"session_options\":{\"intra_op_num_threads\":" + threads.ToString(System.Globalization.CultureInfo.InvariantCulture) + "}}}}");
        _model = new Model(config);
        _parameters = new GeneratorParams(_model);
        _parameters.SetSearchOption("max_length", context);
        _parameters.SetSearchOption("min_length", context);
        VocabularySize = ReadVocabularySize(folder);
    }

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <inheritdoc/>
    public override void Begin(int[] tokens)
    {
        _generator?.Dispose();
        _generator = new Generator(_model, _parameters);
        _generator.AppendTokens(tokens);
    }

    /// <inheritdoc/>
    public override void Next() => _generator!.GenerateNextToken();

    /// <inheritdoc/>
    public override void Dispose()
    {
        _generator?.Dispose();
        _parameters.Dispose();
        _model.Dispose();
    }

    private static int ReadVocabularySize(string folder)
    {
        using System.Text.Json.JsonDocument file = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "genai_config.json")));
        return file.RootElement.GetProperty("model").GetProperty("vocab_size").GetInt32();
    }
}
