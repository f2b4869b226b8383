using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Models;

/// <summary>The three networks of Stable Diffusion 1.5 in several spellings, with tiny widths: Models/sd15/README.md says what they are.</summary>
[NativeMemoryLeakCheck]
public class Sd15Tests
{
    private const string TextEncoder = "25 Add, 1 Gather, 25 LayerNormalization, 12 onnxstream.Attention, 72 onnxstream.FullyConnected";
    private const string Unet = "143 Add, 14 Concat, 1 Cos, 24 Gemm, 48 LayerNormalization, 131 MatMul, 1 Mul, 54 Reshape, 3 Resize, 1 Sin, 2 Slice, 2 Transpose, 23 Unsqueeze, 2 onnxstream.Activation, 32 onnxstream.Attention, 98 onnxstream.Conv, 29 onnxstream.FullyConnected, 5 onnxstream.GatedActivation, 61 onnxstream.GroupNormalization";
    private const string Decoder = "15 Add, 4 Reshape, 3 Resize, 2 Transpose, 1 onnxstream.Attention, 40 onnxstream.Conv, 30 onnxstream.GroupNormalization";
    private const string DecoderWithProducts = "15 Add, 2 Reshape, 3 Resize, 2 Transpose, 1 onnxstream.Attention, 36 onnxstream.Conv, 4 onnxstream.FullyConnected, 30 onnxstream.GroupNormalization";

    private static readonly string[] s_static =
    [
        "text_encoder", "text_encoder_opset17", "text_encoder_f16", "unet", "unet_diffusers_opset11", "unet_f16", "vae_decoder", "vae_decoder_diffusers", "vae_decoder_f16",
    ];

    private static readonly string[] s_dynamic = ["text_encoder_dynamic", "unet_opset17_dynamic", "vae_decoder_dynamic"];

    [TestCase("text_encoder", 672, "Add 159, Reshape 121, MatMul 96, Mul 61, Transpose 60, ReduceMean 50, Div 25, Pow 25, Sqrt 25, Sub 25, Sigmoid 12, Softmax 12, Gather 1")]
    [TestCase("unet", 2050, "Reshape 410, Add 345, Mul 237, MatMul 224, Transpose 192, Conv 98, ReduceMean 96, Div 64, InstanceNormalization 61, Pow 48, Sqrt 48, Sub 48, Sigmoid 47, Softmax 32, Gemm 24, Unsqueeze 23, Erf 16, Split 16, Concat 14, Resize 3, Slice 2, Cos 1, Sin 1")]
    [TestCase("vae_decoder", 276, "Reshape 64, Mul 60, Add 45, Conv 40, InstanceNormalization 30, Sigmoid 29, Resize 3, MatMul 2, Transpose 2, Softmax 1")]
    public void HasThePublishedOperators(string name, int nodes, string operators)
    {
        ModelSummary summary = Load(name).Summarize();
        Assert.That(summary.Operators.Sum(count => count.Count), Is.EqualTo(nodes));
        Assert.That(string.Join(", ", summary.Operators.Select(count => $"{count.OperatorType} {count.Count}")), Is.EqualTo(operators));
        Assert.That(summary.Operators.All(count => count.IsSupported), Is.True);
        Assert.That(summary.FlopCount, Is.Positive);
    }

    // Every normalization, activation, attention and image operator of the networks is found, whatever the spelling.
    [TestCase("text_encoder", TextEncoder)]
    [TestCase("text_encoder_opset17", TextEncoder)]
    [TestCase("text_encoder_f16", TextEncoder)]
    [TestCase("unet", Unet)]
    [TestCase("unet_diffusers_opset11", Unet)]
    [TestCase("vae_decoder", Decoder)]
    [TestCase("vae_decoder_diffusers", DecoderWithProducts)]
    [TestCase("vae_decoder_f16", Decoder)]
    [TestCase("vae_decoder_dynamic", DecoderWithProducts)]
    public void IsFused(string name, string expected)
    {
        Model model = Load(name);
        Dictionary<string, TensorBuffer> inputs = Inputs(model, 1, 8, 8, 16);
        Assert.That(RewrittenGraph.Describe(RewrittenGraph.Of(model, inputs.ToDictionary(pair => pair.Key, pair => pair.Value.Shape))), Is.EqualTo(expected));
    }

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_static))] string name, [Values(1, 3)] int threads)
    {
        Dictionary<string, TensorBuffer> inputs = Inputs(Load(name), 1, 8, 8, 16);
        using InferenceSession session = new(PathOf(name), new SessionOptions { ThreadCount = threads });
        for (int run = 0; run < 2; run++)
        {
            Check(session, inputs, name, $"run {run}");
        }
    }

    [Test]
    public void PlansAnewForOtherShapes([ValueSource(nameof(s_dynamic))] string name, [Values(1, 3)] int threads)
    {
        Model model = Load(name);
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = threads });
        foreach ((int batch, int height, int width, int tokens) in new[] { (1, 8, 8, 16), (2, 16, 8, 7), (3, 8, 24, 1), (1, 8, 8, 16) })
        {
            Check(session, Inputs(model, batch, height, width, tokens), name, $"batch {batch}, {height}x{width}, {tokens} tokens");
        }
    }

    [Test]
    public void WorksWithEveryWeightsProvider([Values("text_encoder", "unet_f16")] string name, [Values] Provider provider)
    {
        using WeightsProvider weights = provider switch
        {
            Provider.DiskNoCache => WeightsProvider.DiskNoCache(),
            Provider.DiskPrefetch => WeightsProvider.DiskPrefetch(),
            Provider.DiskPrefetchSmallWindow => WeightsProvider.DiskPrefetch(5000),
            Provider.DiskMapped => WeightsProvider.DiskMapped(),
            Provider.Ram => WeightsProvider.Ram(),
            Provider.Custom => new SlowProvider(0),
            Provider.CustomAhead => new SlowProvider(20000),
            _ => WeightsProvider.Ram(new SlowProvider(0)),
        };
        Dictionary<string, TensorBuffer> inputs = Inputs(Load(name), 1, 8, 8, 16);
        using InferenceSession session = new(PathOf(name), new SessionOptions { ThreadCount = 2, WeightsProvider = weights });
        for (int run = 0; run < 2; run++)
        {
            Check(session, inputs, name, $"{provider}, run {run}");
        }
    }

    [Test]
    public void ThreadsAndRunsGiveTheSameBits([ValueSource(nameof(s_static))] string name)
    {
        Dictionary<string, TensorBuffer> inputs = Inputs(Load(name), 1, 8, 8, 16);
        using InferenceSession session = new(PathOf(name), new SessionOptions { ThreadCount = 2 });
        TensorBuffer first = session.Run(inputs).Outputs.Values.Single();
        TensorBuffer second = session.Run(inputs).Outputs.Values.Single();
        Assert.That(second.Bytes.SequenceEqual(first.Bytes), Is.True);
    }

    public enum Provider
    {
        DiskNoCache,
        DiskPrefetch,
        DiskPrefetchSmallWindow,
        DiskMapped,
        Ram,
        RamFromCustom,
        Custom,
        CustomAhead,
    }

    private static void Check(InferenceSession session, Dictionary<string, TensorBuffer> inputs, string name, string message)
    {
        Dictionary<string, TensorBuffer> expected = Oracle.Run(PathOf(name), inputs);
        RunResult actual = session.Run(inputs);
        foreach ((string output, TensorBuffer tensor) in expected)
        {
            Assert.That(actual[output].Type, Is.EqualTo(tensor.Type), message);
            Assert.That(TestTensors.RelativeRms(actual[output], tensor), Is.LessThanOrEqualTo(name.EndsWith("_f16", StringComparison.Ordinal) ? 5e-4 : 1e-4), message);
        }
    }

    private static Dictionary<string, TensorBuffer> Inputs(Model model, int batch, int height, int width, int tokens)
    {
        Dictionary<string, TensorBuffer> inputs = [];
        foreach (ValueMetadata input in model.Inputs)
        {
            inputs.Add(input.Name, input.Name switch
            {
                "input_ids" => TestTensors.Random(ElementType.Int64, 1, 0, 199, batch, tokens),
                "sample" or "latent_sample" => TestTensors.Floats(2, batch, 4, height, width),
                "timestep" => TensorBuffer.Create<float>([437], 1),
                _ => TestTensors.Floats(3, batch, tokens, 20),
            });
        }

        return inputs;
    }

    private static Model Load(string name) => Model.Load(PathOf(name));

    private static string PathOf(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "sd15", name + ".onnx");

    // A provider as a user would write it, which takes a moment for each range.
    private sealed class SlowProvider(long windowBytes) : WeightsProvider(windowBytes)
    {
        public override void Read(in WeightRange range, Span<byte> destination)
        {
            Thread.SpinWait(1000);
            using FileStream file = File.OpenRead(range.Source.LocalPath!);
            file.Position = range.Offset;
            file.ReadExactly(destination);
        }
    }
}
