using OnnxStream.Interop.Diffusion.Adapters;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests.Adapters;

/// <summary>LoRAs, checkpoints and taught words on small random networks, against PyTorch (<c>Reference/adapters.py</c>).</summary>
public class AdapterReferenceTests
{
    private static string Root => Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "adapters");

    [Test]
    public void TheNetworksThemselves()
    {
        Verify("unet", Unet());
        Verify("text_encoder", Text());
    }

    [TestCase("kohya")]
    [TestCase("legacy")]
    public void LorasOfBothNetworks(string file)
    {
        LoraFile lora = Lora(file);
        Verify("kohya_unet", ModelAdapters.Apply(Unet(), PipelineComponent.Unet, [new LoraAdapter(lora)]));
        Verify("kohya_text_encoder", ModelAdapters.Apply(Text(), PipelineComponent.TextEncoder, [new LoraAdapter(lora, 0.8f)]));
        Verify("unet", ModelAdapters.Apply(Unet(), PipelineComponent.Unet, [new LoraAdapter(lora, 0)]));
    }

    [Test]
    public void SeveralAtOnceWithWeights() =>
        Verify("both_unet", ModelAdapters.Apply(Unet(), PipelineComponent.Unet, [new LoraAdapter(Lora("kohya"), 0.8f), new LoraAdapter(Lora("peft"), -0.5f)]));

    [Test]
    public void LyCoris() => Verify("lycoris_unet", ModelAdapters.Apply(Unet(), PipelineComponent.Unet, [new LoraAdapter(Lora("lycoris"), 0.7f)]));

    [Test]
    public void PackedOnceUnderAnotherIdentity()
    {
        using TemporaryFolder folder = new();
        SessionOptions options = new() { ThreadCount = 1, PanelStore = PanelStoreOptions.File(folder.Combine("unet.panels")), KeptPanelBytes = 0 };
        for (int round = 0; round < 2; round++)
        {
            Verify("unet", Unet(), options);
            Verify("kohya_unet", ModelAdapters.Apply(Unet(), PipelineComponent.Unet, [new LoraAdapter(Lora("kohya"))]), options);
        }
    }

    [Test]
    public void AnOnnxStreamFolderTakesThem()
    {
        using TemporaryFolder folder = new();
        Unet().SaveOnnxStream(folder.Combine("unet"));
        Model model = Model.Load(folder.Combine("unet"));
        Verify("unet", model);
        Assert.That(() => Verify("kohya_unet", ModelAdapters.Apply(model, PipelineComponent.Unet, [new LoraAdapter(Lora("kohya"))])), Throws.Nothing);
    }

    [Test]
    public void ReadingAPartReadsTheSameBytes()
    {
        Model model = ModelAdapters.Apply(Unet(), PipelineComponent.Unet, [new LoraAdapter(Lora("lycoris"), 0.7f), new LoraAdapter(Lora("kohya"), 0.3f)]);
        Random random = new(1);
        int merged = 0;
        foreach (ModelWeight weight in model.FindWeights().Where(weight => weight.Location.Source is MergedSource))
        {
            merged++;
            byte[] whole = new byte[weight.Location.Length];
            weight.Location.Read(whole);
            for (int i = 0; i < 20; i++)
            {
                int start = random.Next(whole.Length), length = random.Next(whole.Length - start);
                byte[] part = new byte[length];
                weight.Location.Slice(start, length).Read(part);
                Assert.That(part.AsSpan().SequenceEqual(whole.AsSpan(start, length)), $"{weight.Name} {start} {length}");
            }
        }

        Assert.That(merged, Is.GreaterThan(20));
    }

    [TestCase("wider", "320 x 320", "16 x 16")]
    [TestCase("deeper", "down_blocks_3_resnets_0_conv1", "does not have")]
    public void AnotherArchitecturesLoraIsRefused(string file, params string[] expected)
    {
        LoraAdapter[] adapters = [new LoraAdapter(Lora(file))];
        foreach (string part in expected)
        {
            Assert.That(() => ModelAdapters.Apply(Unet(), PipelineComponent.Unet, adapters), Throws.TypeOf<ModelFormatException>().With.Message.Contains(part));
        }
    }

    [Test]
    public void ALoraOfSdxlIsRefusedByOneEncoder() => Assert.That(
        () => ModelAdapters.Check([new LoraAdapter(Lora("xl"))], hasSecondEncoder: false), Throws.TypeOf<ModelFormatException>().With.Message.Contains("second text encoder"));

    [Test]
    public void OtherFilesAreNoLoras()
    {
        Assert.That(() => Lora("word"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("emb_params"));
        Assert.That(() => LoraFile.Open(Path.Combine(Root, "unet.onnx")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("safetensors"));
        Assert.That(() => Lora("missing"), Throws.TypeOf<FileNotFoundException>());
    }

    [TestCase("checkpoint", "checkpoint")]
    [TestCase("single.safetensors", "single")]
    public void CheckpointsTakeThePlaceOfWeights(string path, string expected)
    {
        Checkpoint checkpoint = Checkpoint.Open(Path.Combine(Root, path));
        Verify($"{expected}_unet", checkpoint.Apply(Unet(), PipelineComponent.Unet));
        Verify("checkpoint_text_encoder", checkpoint.Apply(Text(), PipelineComponent.TextEncoder));
        Assert.That(checkpoint.Apply(Unet(), PipelineComponent.VaeDecoder).FindWeights(), Has.Count.EqualTo(Unet().FindWeights().Count));
        Assert.That(() => checkpoint.Apply(Text(), PipelineComponent.Unet), Throws.TypeOf<ModelFormatException>().With.Message.Contains("is not for").And.Message.Contains("no place"));
    }

    [Test]
    public void ALoraOnACheckpoint()
    {
        Model model = Checkpoint.Open(Path.Combine(Root, "checkpoint")).Apply(Unet(), PipelineComponent.Unet);
        Verify("checkpoint_kohya_unet", ModelAdapters.Apply(model, PipelineComponent.Unet, [new LoraAdapter(Lora("kohya"))]));
    }

    [Test]
    public void OtherFilesAreNoCheckpoints()
    {
        Assert.That(() => Checkpoint.Open(Path.Combine(Root, "kohya.safetensors")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("model.diffusion_model"));
        Assert.That(() => Checkpoint.Open(Path.Combine(Root, "checkpoint", "unet")), Throws.TypeOf<ModelFormatException>());
        Assert.That(() => Checkpoint.Open(Path.Combine(Root, "missing")), Throws.TypeOf<FileNotFoundException>());
    }

    [Test]
    public void TaughtWords()
    {
        TextualInversion[] words = [TextualInversion.Open(Path.Combine(Root, "word.safetensors")), TextualInversion.Open(Path.Combine(Root, "concept.safetensors"))];
        Assert.That(words.Select(word => (word.Token, word.VectorCount)), Is.EqualTo(new[] { ("word", 3), ("<concept>", 1) }));
        Model model = ModelEmbeddings.Apply(Text(), isSecond: false, 602, words);
        long[] ids = [600, 602, 603, 604, 605, .. Enumerable.Repeat(601L, 11)];
        Verify("words_text_encoder", model, ids: ids);
        Verify("text_encoder", model);

        TextualInversion pair = TextualInversion.Open(Path.Combine(Root, "pair.safetensors"));
        Assert.That(() => ModelEmbeddings.Apply(Text(), isSecond: false, 602, [pair]), Throws.Nothing);
        Assert.That(() => ModelEmbeddings.Apply(Text(), isSecond: true, 602, [pair]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("12 numbers").And.Message.Contains("16"));
        Assert.That(() => ModelEmbeddings.Apply(Text(), isSecond: true, 602, words), Throws.TypeOf<ModelFormatException>().With.Message.Contains("one text encoder"));
        Assert.That(() => TextualInversion.Open(Path.Combine(Root, "kohya.safetensors")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("emb_params"));
    }

    [Test]
    public void ATokenizerKnowsTaughtWords()
    {
        ClipTokenizer plain = new(TinyShapesModel.Pipeline().Configuration.Tokenizer);
        TextualInversion[] words = [TextualInversion.Open(Path.Combine(Root, "word.safetensors"), "my-style"), TextualInversion.Open(Path.Combine(Root, "concept.safetensors"))];
        ClipTokenizer tokenizer = new(TinyShapesModel.Pipeline().Configuration.Tokenizer, words);
        int first = plain.VocabularySize;
        Assert.That(tokenizer.VocabularySize, Is.EqualTo(first));
        Assert.That(tokenizer.Tokenize("a red <concept> in MY-STYLE"), Is.EqualTo((int[])[.. plain.Tokenize("a red"), first + 3, .. plain.Tokenize("in"), first, first + 1, first + 2]));
        Assert.That(tokenizer.Tokenize("my-styles"), Is.EqualTo(plain.Tokenize("my-styles")));
        Assert.That(() => new ClipTokenizer(TinyShapesModel.Pipeline().Configuration.Tokenizer, [words[0], words[0]]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("twice"));
    }

    [Test]
    public void APipelineDrawsWithThem()
    {
        using TemporaryFolder folder = new();
        string pipelines = Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "pipelines");
        folder.Copy(Path.Combine(Root, "unet.onnx"), "unet/model.onnx");
        folder.Copy(Path.Combine(Root, "text_encoder.onnx"), "text_encoder/model.onnx");
        folder.Copy(Path.Combine(pipelines, "vae_decoder", "model.onnx"), "vae_decoder/model.onnx");
        folder.Copy(Path.Combine(TinyShapesModel.Folder, "tokenizer", "vocab.json"), "tokenizer/vocab.json");
        folder.Copy(Path.Combine(TinyShapesModel.Folder, "tokenizer", "merges.txt"), "tokenizer/merges.txt");
        folder.Write("tokenizer/tokenizer_config.json", """{ "model_max_length": 16 }""");
        folder.Write("model_index.json", """{ "_class_name": "OnnxStableDiffusionPipeline" }""");
        folder.Write("vae_decoder/config.json", """{ "scaling_factor": 0.18215, "block_out_channels": [8, 8] }""");
        PipelineConfiguration configuration = PipelineConfiguration.FromFolder(folder.FullPath);
        SessionOptions options = new() { ThreadCount = 1 };
        GenerationOptions generation = new() { Prompt = "a red circle word", Steps = 2, Seed = 1, GuidanceScale = 3 };
        StableDiffusionPipeline pipeline = new(configuration, options);
        float[] plain = Latents(pipeline, generation);
        float[] adapted = Latents(pipeline, generation with { Adapters = [new LoraAdapter(Lora("kohya"))] });
        float[] again = Latents(pipeline, generation);
        StableDiffusionPipeline taught = new(configuration with { Words = [TextualInversion.Open(Path.Combine(Root, "word.safetensors"))] }, options);
        StableDiffusionPipeline other = new(configuration with { Checkpoint = Checkpoint.Open(Path.Combine(Root, "checkpoint")) }, options);
        Assert.Multiple(() =>
        {
            Assert.That(again, Is.EqualTo(plain), "a LoRA leaves nothing behind");
            GeneratedImage named = pipeline.Generate(generation with { Prompt = "a red circle word<lora:kohya>", LoraFolder = Root }).Images[0];
            Assert.That(named.Latents.Span<float>().ToArray(), Is.EqualTo(adapted));
            Assert.That(named.Parameters.Prompt, Is.EqualTo("a red circle word<lora:kohya>"));
            Assert.That(pipeline.Generate(generation with { Adapters = [new LoraAdapter(Lora("kohya"), 0.5f)] }).Images[0].Parameters.Prompt, Is.EqualTo("a red circle word <lora:kohya:0.5>"));
            Assert.That(() => pipeline.Generate(generation with { Prompt = "<lora:kohya:much>", LoraFolder = Root }), Throws.ArgumentException.With.Message.Contains("much"));
            Assert.That(() => pipeline.Generate(generation with { Prompt = "<lora:kohya:1>" }), Throws.ArgumentException.With.Message.Contains("no folder"));
            Assert.That(() => pipeline.Generate(generation with { Prompt = "<lora:../kohya:1>", LoraFolder = Root }), Throws.ArgumentException.With.Message.Contains("no name of a file"));
            Assert.That(() => pipeline.Generate(generation with { Prompt = "<lora:none:1>", LoraFolder = Root }), Throws.TypeOf<FileNotFoundException>());
            Assert.That(adapted, Is.Not.EqualTo(plain));
            Assert.That(Latents(taught, generation), Is.Not.EqualTo(plain));
            Assert.That(Latents(other, generation), Is.Not.EqualTo(plain));
            foreach (string wrong in (string[])["wider", "deeper", "xl"])
            {
                Assert.That(() => pipeline.Generate(generation with { Adapters = [new LoraAdapter(Lora(wrong))] }), Throws.TypeOf<ModelFormatException>().With.Message.Contains(wrong));
            }
        });

        static float[] Latents(StableDiffusionPipeline pipeline, GenerationOptions options) => pipeline.Generate(options).Images[0].Latents.Span<float>().ToArray();
    }

    private static Model Unet() => Model.Load(Path.Combine(Root, "unet.onnx"));

    private static Model Text() => Model.Load(Path.Combine(Root, "text_encoder.onnx"));

    private static LoraFile Lora(string name) => LoraFile.Open(Path.Combine(Root, name + ".safetensors"));

    private static void Verify(string name, Model model, SessionOptions? options = null, long[]? ids = null)
    {
        TensorBuffer expected = NpyFile.Read(Path.Combine(Root, name + ".npy"));
        using InferenceSession session = new(model, options ?? new SessionOptions { ThreadCount = 1 });
        Dictionary<string, TensorBuffer> inputs = [];
        foreach (ValueMetadata input in session.Inputs)
        {
            string known = input.Name.Contains("ids", StringComparison.Ordinal) ? "ids" : input.Name.Contains("timestep", StringComparison.Ordinal) ? "timestep" : input.Name.Contains("hidden", StringComparison.Ordinal) ? "encoder_hidden_states" : "sample";
            inputs[input.Name] = known switch
            {
                "ids" => TensorBuffer.Create<long>(ids ?? [600, 5, 17, 99, 300, .. Enumerable.Repeat(601L, 11)], 1, 16),
                "timestep" => TensorBuffer.Create<long>([321], 1),
                _ => NpyFile.Read(Path.Combine(Root, known + ".npy")),
            };
        }

        ReadOnlySpan<float> actual = session.Run(inputs)[session.Outputs[0].Name].Span<float>(), right = expected.Span<float>();
        double difference = 0, size = 0;
        for (int i = 0; i < right.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs(actual[i] - right[i]));
            size = Math.Max(size, Math.Abs(right[i]));
        }

        TestContext.Out.WriteLine($"{name}: {difference / size:g2}");
        Assert.That(difference / size, Is.LessThan(2e-5), name);
    }
}
