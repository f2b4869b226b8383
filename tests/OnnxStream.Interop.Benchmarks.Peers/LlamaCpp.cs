using LLama;
using LLama.Common;
using LLama.Native;

namespace OnnxStream.Interop.Benchmarks.Peers;

/// <summary>llama.cpp with a GGUF file that it maps, by LLamaSharp's library of it.</summary>
internal sealed class LlamaCpp : LanguageEngine
{
    private readonly LLamaWeights _weights;
    private readonly LLamaContext _context;
    private readonly LLamaBatch _batch = new();
    private int _length;

    /// <summary>Opens the file.</summary>
    public LlamaCpp(string path, int threads, int context)
    {
        NativeLogConfig.llama_log_set((_, _) => { });
        ModelParams parameters = new(path) { ContextSize = (uint)context, BatchSize = (uint)context, UBatchSize = (uint)context, GpuLayerCount = 0, Threads = threads, BatchThreads = threads };
        _weights = LLamaWeights.LoadFromFile(parameters);
        _context = _weights.CreateContext(parameters);
    }

    /// <inheritdoc/>
    public override int VocabularySize => _weights.Vocab.Count;

    /// <inheritdoc/>
    public override void Begin(int[] tokens)
    {
        _context.NativeHandle.MemoryClear();
        _length = 0;
        Decode(tokens);
    }

    /// <inheritdoc/>
    public override void Next() => Decode([Best(_context.NativeHandle.GetLogitsIth(_batch.TokenCount - 1))]);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _context.Dispose();
        _weights.Dispose();
    }

    private static int Best(ReadOnlySpan<float> scores)
    {
        int best = 0;
        for (int i = 1; i < scores.Length; i++)
        {
            best = scores[i] > scores[best] ? i : best;
        }

        return best;
    }

    private void Decode(int[] tokens)
    {
        _batch.Clear();
        for (int i = 0; i < tokens.Length; i++)
        {
            _batch.Add(tokens[i], _length++, LLamaSeqId.Zero, logits: i == tokens.Length - 1);
        }

        if (_context.Decode(_batch) is var result && result != DecodeResult.Ok)
        {
            throw new InvalidOperationException($"llama.cpp: {result}");
        }
    }
}
