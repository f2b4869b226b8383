#:package LLamaSharp@0.30.0
#:package LLamaSharp.Backend.Cpu@0.30.0
// Says what llama.cpp makes of the files that make_gguf.py writes: the scores behind a prompt, and the tokens that it goes on with.
//
//   dotnet run LlamaCpp.cs *.gguf > llama-cpp.txt
//
// A line: name, prompt, tokens of the answer, and the scores behind the prompt, in hexadecimal. Keys and values are kept in single precision.
using System.Globalization;
using System.Runtime.InteropServices;
using LLama;
using LLama.Common;
using LLama.Native;

NativeLibraryConfig.All.WithLogCallback((_, _) => { });
int[] prompt = [1, .. Enumerable.Range(0, 29).Select(i => 3 + i * 17 % 61)];
foreach (string path in args)
{
    ModelParams parameters = new(path) { ContextSize = 128, GpuLayerCount = 0, Threads = 1, BatchThreads = 1, TypeK = GGMLType.GGML_TYPE_F32, TypeV = GGMLType.GGML_TYPE_F32, FlashAttention = false };
    using LLamaWeights weights = LLamaWeights.LoadFromFile(parameters);
    using LLamaContext context = weights.CreateContext(parameters);
    List<int> answer = [];
    float[] first = [];
    LLamaBatch batch = new();
    for (int position = 0; position < prompt.Length + 15;)
    {
        batch.Clear();
        int[] tokens = position == 0 ? prompt : [answer[^1]];
        foreach (int token in tokens)
        {
            batch.Add((LLamaToken)token, (LLamaPos)position, LLamaSeqId.Zero, position >= prompt.Length - 1);
            position++;
        }

        context.Decode(batch);
        float[] scores = context.NativeHandle.GetLogitsIth(tokens.Length - 1).ToArray();
        first = first.Length == 0 ? scores : first;
        answer.Add(Array.IndexOf(scores, scores.Max()));
    }

    Console.WriteLine($"{Path.GetFileNameWithoutExtension(path)} {string.Join(',', prompt)} {string.Join(',', answer)} {Convert.ToHexString(MemoryMarshal.AsBytes<float>(first))}");
}
