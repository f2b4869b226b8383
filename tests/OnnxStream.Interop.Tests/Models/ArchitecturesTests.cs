namespace OnnxStream.Interop.Tests.Models;

/// <summary>Networks of many kinds as PyTorch exports them, with few channels: Models/architectures/README.md says what they are.</summary>
[NativeMemoryLeakCheck]
public class ArchitecturesTests
{
    private const int VocabularySize = 47;
    private const int TokensBefore = 2;

    private static readonly string[] s_all =
    [
        "resnet50", "resnet50_unfolded", "resnext", "mobilenet_v2", "mobilenet_v2_f16", "mobilenet_v3", "mobilenet_v3_opset11", "densenet121",
        "shufflenet_v2", "shufflenet_v2_unfolded", "squeezenet1_1", "inception_v3", "vgg16", "detector", "detector_unfolded", "unet", "unet_bilinear",
        "bert", "bert_unfolded", "gpt2", "llama", "llama_dynamic", "t5_encoder", "t5_decoder", "vit", "vit_f16", "whisper_encoder", "whisper_decoder",
        "diffusion_transformer", "diffusion_transformer_unfolded",
    ];

    private static readonly string[] s_withCache = ["gpt2", "llama_dynamic", "whisper_decoder"];

    [Test]
    public void EveryModelIsTested() =>
        Assert.That(Directory.GetFiles(Folder, "*.onnx").Select(Path.GetFileNameWithoutExtension), Is.EquivalentTo(s_all));

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_all))] string name, [Values(1, 3)] int threads)
    {
        using InferenceSession session = new(PathOf(name), new SessionOptions { ThreadCount = threads });
        Dictionary<string, TensorBuffer> inputs = Inputs(session.Model, new Sizes());
        for (int run = 0; run < 2; run++)
        {
            Check(session, inputs, name, $"run {run}");
        }
    }

    // An open dimension takes any number, among them none where tokens came before, and numbers that no halving divides.
    [TestCase("resnet50_unfolded")]
    [TestCase("mobilenet_v3_opset11")]
    [TestCase("densenet121")]
    [TestCase("shufflenet_v2_unfolded")]
    [TestCase("inception_v3")]
    [TestCase("detector_unfolded")]
    [TestCase("unet")]
    [TestCase("unet_bilinear")]
    [TestCase("bert_unfolded")]
    [TestCase("gpt2")]
    [TestCase("llama_dynamic")]
    [TestCase("t5_encoder")]
    [TestCase("t5_decoder")]
    [TestCase("whisper_encoder")]
    [TestCase("whisper_decoder")]
    [TestCase("diffusion_transformer")]
    [TestCase("diffusion_transformer_unfolded")]
    public void PlansAnewForOtherShapes(string name)
    {
        using InferenceSession session = new(PathOf(name), new SessionOptions { ThreadCount = 2 });
        foreach (Sizes sizes in (Sizes[])[new(), new(2, 64, 96, 7, 0), new(3, 33, 50, 1, 5), new()])
        {
            // The detector looks at one image, whose sides its feature pyramid halves and doubles.
            Sizes possible = name == "detector_unfolded" ? sizes with { Height = (sizes.Height + 31) / 32 * 32, Width = (sizes.Width + 31) / 32 * 32 } : sizes;
            Check(session, Inputs(session.Model, possible), name, $"{possible}");
        }
    }

    // What a run returns as keys and values is what the next one takes; each engine goes on with its own.
    [Test]
    public void DecodesTokenByToken([ValueSource(nameof(s_withCache))] string name, [Values(1, 3)] int threads)
    {
        using InferenceSession session = new(PathOf(name), new SessionOptions { ThreadCount = threads });
        Dictionary<string, TensorBuffer> inputs = Inputs(session.Model, new Sizes(Tokens: 4, Past: 0));
        Dictionary<string, TensorBuffer> expectedInputs = new(inputs);
        long past = 0;
        for (int step = 0; step < 6; step++)
        {
            Dictionary<string, TensorBuffer> expected = Oracle.Run(PathOf(name), expectedInputs);
            RunResult actual = session.Run(inputs);
            past += inputs["input_ids"].Shape[1];
            Compare(actual, expected, name, $"step {step}");
            Assert.That(actual["present.0.key"].Shape[2], Is.EqualTo(past));
            long next = Best(actual["logits"]);
            Assert.That(next, Is.EqualTo(Best(expected["logits"])), $"step {step}");
            foreach ((Dictionary<string, TensorBuffer> given, IReadOnlyDictionary<string, TensorBuffer> made) in new[] { (inputs, actual.Outputs), (expectedInputs, expected) })
            {
                foreach (string input in given.Keys.ToArray())
                {
                    given[input] = input switch
                    {
                        "input_ids" => TensorBuffer.Create<long>([next], 1, 1),
                        "attention_mask" => TensorBuffer.Create<long>([.. Enumerable.Repeat(1L, (int)past + 1)], 1, past + 1),
                        "position_ids" => TensorBuffer.Create<long>([past], 1, 1),
                        _ when input.StartsWith("past.", StringComparison.Ordinal) => made[input.Replace("past.", "present.", StringComparison.Ordinal)],
                        _ => given[input],
                    };
                }
            }
        }
    }

    // Boxes are kept or not by what their scores are: how many there are is known at the end of the run.
    [TestCase("detector")]
    [TestCase("detector_unfolded")]
    public void NumberOfDetectionsDependsOnTheImage(string name)
    {
        using InferenceSession session = new(PathOf(name), new SessionOptions { ThreadCount = 2 });
        Dictionary<string, TensorBuffer> inputs = Inputs(session.Model, new Sizes());
        HashSet<long> counts = [];
        foreach (float contrast in (float[])[0.25f, 0.5f, 1, 1.25f])
        {
            TensorBuffer image = TestTensors.Floats(2, [.. inputs["images"].Shape.Dimensions]);
            foreach (ref float value in image.Span<float>())
            {
                value *= contrast;
            }

            inputs["images"] = image;
            Check(session, inputs, name, $"contrast {contrast}");
            counts.Add(session.Run(inputs)["labels"].Shape[0]);
        }

        Assert.That(counts, Has.Count.GreaterThan(1));
    }

    [Test]
    public void WorksWithinTheSmallestBudget([Values("resnet50", "mobilenet_v3", "unet", "gpt2", "detector_unfolded", "vit")] string name)
    {
        Model model = Model.Load(PathOf(name));
        Dictionary<string, TensorBuffer> inputs = Inputs(model, new Sizes());
        long budget = SmallestBudget(model, inputs);
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2, MemoryBudget = budget });
        for (int run = 0; run < 2; run++)
        {
            Check(session, inputs, name, $"{budget} bytes, run {run}");
        }
    }

    [Test]
    public void WorksWithAPanelStore([Values("resnext", "mobilenet_v2", "squeezenet1_1", "bert", "llama", "diffusion_transformer")] string name, [Values(ElementType.Float32, ElementType.Float16)] ElementType type)
    {
        using TemporaryFolder folder = new();
        string store = folder[name + ".panels"];
        for (int opened = 0; opened < 2; opened++)
        {
            using InferenceSession session = new(PathOf(name), new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.File(store) with { ElementType = type } });
            Check(session, Inputs(session.Model, new Sizes()), name, $"opened {opened}", type == ElementType.Float16 ? 5e-3 : null);
            Assert.That(File.Exists(store), Is.True);
        }
    }

    private static string Folder => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "architectures");

    private static string PathOf(string name) => Path.Combine(Folder, name + ".onnx");

    private static void Check(InferenceSession session, Dictionary<string, TensorBuffer> inputs, string name, string message, double? tolerance = null) =>
        Compare(session.Run(inputs), Oracle.Run(PathOf(name), inputs), name, message, tolerance);

    // Integers and shapes are the same; numbers differ by rounding, which depth adds up.
    private static void Compare(RunResult actual, Dictionary<string, TensorBuffer> expected, string name, string message, double? tolerance = null)
    {
        double allowed = tolerance ?? (name.EndsWith("_f16", StringComparison.Ordinal) ? 5e-3 : 3e-5);
        foreach ((string output, TensorBuffer tensor) in expected)
        {
            Assert.That(actual[output].Type, Is.EqualTo(tensor.Type), $"{message}: {output}");
            if (tensor.ElementType.IsFloat())
            {
                Assert.That(TestTensors.RelativeRms(actual[output], tensor), Is.LessThanOrEqualTo(allowed), $"{message}: {output}");
            }
            else
            {
                Assert.That(actual[output].Bytes.SequenceEqual(tensor.Bytes), Is.True, $"{message}: {output}");
            }
        }
    }

    private static long SmallestBudget(Model model, Dictionary<string, TensorBuffer> inputs)
    {
        // Where shapes depend on data, a later part of the model may need more than what could be planned for before.
        long budget = 1;
        while (true)
        {
            try
            {
                using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2, MemoryBudget = budget });
                session.Run(inputs);
                Assert.That(budget, Is.GreaterThan(1));
                return budget;
            }
            catch (MemoryBudgetException exception)
            {
                Assert.That(exception.SmallestBudgetBytes, Is.GreaterThan(budget));
                budget = exception.SmallestBudgetBytes;
            }
        }
    }

    // The most probable token after the last one.
    private static long Best(TensorBuffer logits)
    {
        ReadOnlySpan<float> last = logits.Span<float>()[^(int)logits.Shape[^1]..];
        return last.IndexOf(System.Numerics.Tensors.TensorPrimitives.Max(last));
    }

    private static Dictionary<string, TensorBuffer> Inputs(Model model, Sizes sizes)
    {
        Dictionary<string, TensorBuffer> inputs = [];
        bool hasCache = model.Inputs.Any(input => input.Name.StartsWith("past.", StringComparison.Ordinal));
        foreach (ValueMetadata input in model.Inputs)
        {
            long[] shape = [.. input.Dimensions!.Select(dimension => dimension.IsKnown ? dimension.Value : dimension.Symbol switch
            {
                "batch" => sizes.Batch,
                "height" => sizes.Height,
                "width" => sizes.Width,
                "sequence" => sizes.Tokens,
                "past_sequence" => sizes.Past,
                "total" => sizes.Past + sizes.Tokens,
                "source" or "frames" => 10,
                _ => throw new InvalidOperationException($"{input}: unknown dimension"),
            })];
            inputs.Add(input.Name, input.Name switch
            {
                "input_ids" => TestTensors.Random(ElementType.Int64, 1, 0, VocabularySize - 1, shape),
                "token_type_ids" => Filled(shape, (row, column) => column > row ? 1 : 0),
                "attention_mask" when hasCache => Filled(shape, (_, _) => 1),
                "attention_mask" or "encoder_attention_mask" => Filled(shape, (row, column) => column == 0 || column < shape[1] - row - 2 ? 1 : 0),
                "position_ids" => Filled(shape, (_, column) => (input.Dimensions![1].IsKnown ? TokensBefore : sizes.Past) + column),
                "label" => Filled(shape, (row, _) => row + 3),
                "timestep" => TestTensors.Random(ElementType.Float32, 4, 0, 999, shape),
                _ => TestTensors.Random(input.ElementType, 3 + inputs.Count, -2, 2, shape),
            });
        }

        return inputs;
    }

    private static TensorBuffer Filled(long[] shape, Func<long, long, long> value)
    {
        TensorBuffer tensor = new(ElementType.Int64, new Shape(shape));
        Span<long> numbers = tensor.Span<long>();
        long columns = shape.Length > 1 ? shape[1] : 1;
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = value(i / columns, i % columns);
        }

        return tensor;
    }

    // What open dimensions are.
    private sealed record Sizes(long Batch = 1, long Height = 64, long Width = 64, long Tokens = 5, long Past = TokensBefore);
}
