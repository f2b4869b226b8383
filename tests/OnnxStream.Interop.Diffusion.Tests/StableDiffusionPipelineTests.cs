using System.Text.Json;
using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.RandomSources;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

public class StableDiffusionPipelineTests
{
    private static readonly GenerationOptions ThreeSteps = new() { Prompt = "a red circle", Seed = 3, Steps = 3 };

    [Test]
    public void Generate_GivesTheGoldenPictures([Values(0, 1, 2, 3)] int index)
    {
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline();
        GeneratedImage image = pipeline.Generate(new GenerationOptions
        {
            Prompt = TinyShapesModel.Prompts[index],
            Steps = 12,
            GuidanceScale = 5,
            Scheduler = SchedulerType.Euler,
            RandomSource = _ => new RecordedRandomSource(TinyShapesModel.Golden("euler12_cfg5_noise", index).Span<float>().ToArray()),
        }).Images.Single();

        double difference = 0;
        byte[] golden = TinyShapesModel.Golden("euler12_cfg5_images_u8").Span<byte>().Slice(index * 3 * 64 * 64, 3 * 64 * 64).ToArray();
        for (int i = 0; i < golden.Length; i++)
        {
            difference += Math.Abs(golden[i] - image.Pixels[(i % (64 * 64) * 3) + (i / (64 * 64))]);
        }

        double error = TinyShapesModel.RelativeError(image.Latents, TinyShapesModel.Golden("euler12_cfg5_latents", index));
        TestContext.Out.WriteLine($"latents: relative error {error:g3}; pictures: {difference / golden.Length:g3} of 255 on average");
        Assert.Multiple(() =>
        {
            Assert.That(error, Is.LessThan(1e-3));
            Assert.That(difference / golden.Length, Is.LessThan(1));
        });
    }

    /// <summary>What every sampler draws is what was asked for; with enough steps they agree on the background, the object's place and its size.</summary>
    [Test]
    public void Generate_DrawsWithEverySampler([Values] SchedulerType type)
    {
        Scene scene = Scene.AllWithOneObject().First(scene => scene.Caption.StartsWith("a red circle", StringComparison.Ordinal));
        GeneratedImage image = TinyShapesModel.Pipeline().Generate(new GenerationOptions
        {
            Prompt = scene.Caption,
            Seed = 11,
            Steps = type switch
            {
                // Fourth order overshoots where steps are large.
                SchedulerType.Lms or SchedulerType.Plms or SchedulerType.Ipndm => 50,
                SchedulerType.Lcm or SchedulerType.Tcd => 40,
                _ => 25,
            },
            GuidanceScale = 5,
            Scheduler = type,
        }).Images.Single();
        Verdict verdict = PixelChecker.Judge(image.Image, scene);
        TestContext.Out.WriteLine($"{scene.Caption}: {verdict}");
        Assert.Multiple(() =>
        {
            Assert.That(verdict.Background);
            Assert.That(verdict.Colours);
            Assert.That(image.Parameters.Sampler, Is.EqualTo(type.DisplayName()));
        });
    }

    [Test]
    public void StagesCanComputeInDifferentWays()
    {
        List<PipelineStage> asked = [];
        StableDiffusionPipeline pipeline = new(TinyShapesModel.Pipeline().Configuration, stage =>
        {
            asked.Add(stage);
            return stage == PipelineStage.Denoising ? new SessionOptions { ThreadCount = 1 } : null;
        });
        GeneratedImage image = pipeline.Generate(ThreeSteps).Images.Single();
        Assert.That(asked, Is.EqualTo(new[] { PipelineStage.TextEncoding, PipelineStage.Denoising, PipelineStage.Decoding }));
        Assert.That(image.Pixels.ToArray(), Is.EqualTo(TinyShapesModel.Pipeline().Generate(ThreeSteps).Images.Single().Pixels.ToArray()));
    }

    /// <summary>Activations in blocks of 8 bits change the picture by less than can be seen: 30 dB.</summary>
    [Test]
    public void Generate_GivesNearlyTheSamePictureWithActivationsIn8Bits([Values(0, 2)] int index)
    {
        GenerationOptions options = new() { Prompt = TinyShapesModel.Prompts[index], Steps = 12, GuidanceScale = 5, Scheduler = SchedulerType.Euler, Seed = 3 };
        byte[] exact = [.. TinyShapesModel.Pipeline().Generate(options).Images.Single().Pixels];
        byte[] rounded = [.. TinyShapesModel.Pipeline(new SessionOptions { ActivationElementType = ElementType.Int8 }).Generate(options).Images.Single().Pixels];
        double square = exact.Zip(rounded, (a, b) => (double)(a - b) * (a - b)).Average();
        double decibels = 10 * Math.Log10(255.0 * 255 / square);
        TestContext.Out.WriteLine($"{decibels:f1} dB");
        Assert.That(decibels, Is.InRange(30, 100));
    }

    /// <summary>With most of the UNET left out in steps between (DeepCache), what is drawn is still what was asked for.</summary>
    [TestCase(2)]
    [TestCase(3)]
    public void Generate_DrawsWhatWasAskedForWithDeepLayersOfEarlierSteps(int interval)
    {
        Scene scene = Scene.AllWithOneObject().First(scene => scene.Caption.StartsWith("a red circle", StringComparison.Ordinal));
        GenerationOptions options = new() { Prompt = scene.Caption, Seed = 11, Steps = 24, GuidanceScale = 5, Scheduler = SchedulerType.Euler };
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline(new SessionOptions { KeptPanelBytes = 0 });
        GenerationResult whole = pipeline.Generate(options), cached = pipeline.Generate(options with { CacheInterval = interval });
        double square = whole.Images[0].Pixels.ToArray().Zip(cached.Images[0].Pixels.ToArray(), (a, b) => (double)(a - b) * (a - b)).Average();
        long bytes = cached.Stages.Sum(stage => stage.WeightsBytesStreamed), all = whole.Stages.Sum(stage => stage.WeightsBytesStreamed);
        TestContext.Out.WriteLine($"{10 * Math.Log10(255.0 * 255 / square):f1} dB, {(double)bytes / all:f2} of the bytes");
        Assert.Multiple(() =>
        {
            Assert.That(PixelChecker.Judge(cached.Images[0].Image, scene), Is.EqualTo(PixelChecker.Judge(whole.Images[0].Image, scene)));
            Assert.That(cached.Stages.Select(stage => stage.RunCount), Is.EqualTo((int[])[1, 24 / interval, 24 - (24 / interval), 1]));
            Assert.That(bytes, Is.LessThan(all * 0.75));
            Assert.That(cached.Images[0].Parameters.CacheInterval, Is.EqualTo(interval));
            Assert.That(() => pipeline.Generate(options with { CacheInterval = 0 }), Throws.TypeOf<ArgumentOutOfRangeException>());
        });
    }

    /// <summary>The statistics of the model (94 % of such pictures are right) leave room for three of twenty.</summary>
    [Test]
    public void Generate_DrawsOneObjectAsAsked()
    {
        Scene[] unseen = [.. Scene.AllWithOneObject().Where(scene => scene.IsUnseen)];
        Scene[] scenes = [.. Enumerable.Range(0, 20).Select(i => unseen[i * unseen.Length / 20])];
        VerifyAtLeast(17, scenes, verdict => verdict is { Background: true, Count: true, Colours: true, Shapes: true, Size: true });
    }

    /// <summary>
    /// Which of two objects comes first is close to a coin toss to the model, and with it what has which colour and shape. Two of a
    /// hundred such pictures have the objects grown together.
    /// </summary>
    [Test]
    public void Generate_DrawsTwoObjectsAsAsked()
    {
        Random random = new(77);
        Scene[] scenes =
        [
            .. Enumerable.Range(0, int.MaxValue).Select(_ => Scene.Next(random))
                .Where(scene => scene.Objects.Length == 2 && scene.IsUnseen).DistinctBy(scene => scene.Caption).Take(20),
        ];
        VerifyAtLeast(19, scenes, verdict => verdict is { Background: true, Count: true, Axis: true });
    }

    [Test]
    public void Generate_ReportsProgressAndStatistics()
    {
        RecordingProgress progress = new();
        GenerationResult result = TinyShapesModel.Pipeline().Generate(ThreeSteps with { ImageCount = 2 }, progress);
        Assert.Multiple(() =>
        {
            Assert.That(progress.Reports, Is.EqualTo((PipelineProgress[])
            [
                new(PipelineStage.TextEncoding, 0, 1), new(PipelineStage.TextEncoding, 1, 1),
                .. Enumerable.Range(0, 7).Select(step => new PipelineProgress(PipelineStage.Denoising, step, 6)),
                new(PipelineStage.Decoding, 0, 2), new(PipelineStage.Decoding, 1, 2), new(PipelineStage.Decoding, 2, 2),
            ]));
            Assert.That(result.Stages.Select(stage => (stage.Stage, stage.RunCount)), Is.EqualTo(((PipelineStage, int)[])
                [(PipelineStage.TextEncoding, 1), (PipelineStage.Denoising, 3), (PipelineStage.Decoding, 2)]));
            Assert.That(result.Stages.Select(stage => stage.WeightsBytesStreamed), Has.All.Positive);
            Assert.That(result.Stages.Aggregate(TimeSpan.Zero, (sum, stage) => sum + stage.Duration), Is.LessThanOrEqualTo(result.Duration));
        });
    }

    [Test]
    public void Generate_DescribesItsPictures()
    {
        GenerationResult result = TinyShapesModel.Pipeline().Generate(ThreeSteps with { ImageCount = 2, NegativePrompt = "blurry" });
        Assert.Multiple(() =>
        {
            Assert.That(result.Images.Select(image => image.Seed), Is.EqualTo((long[])[3, 4]));
            Assert.That(result.Images.Select(image => (image.Width, image.Height)), Has.All.EqualTo((64, 64)));
            Assert.That(result.Images[1].Parameters, Is.EqualTo(new GenerationParameters
            {
                Prompt = "a red circle",
                NegativePrompt = "blurry",
                Steps = 3,
                Sampler = "Euler a",
                Schedule = "Uniform",
                GuidanceScale = 5,
                Seed = 4,
                Width = 64,
                Height = 64,
                Model = "tiny-shapes",
            }));
            Assert.That(result.DroppedTokenCount, Is.Zero);
        });
    }

    [Test]
    public void Generate_GivesEachSeedItsPicture()
    {
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline();
        IReadOnlyList<GeneratedImage> both = pipeline.Generate(ThreeSteps with { ImageCount = 2 }).Images;
        GeneratedImage second = pipeline.Generate(ThreeSteps with { Seed = 4 }).Images.Single();
        Assert.Multiple(() =>
        {
            Assert.That(second.Pixels.SequenceEqual(both[1].Pixels));
            Assert.That(second.Pixels.SequenceEqual(both[0].Pixels), Is.False);
        });
    }

    // Pictures go step by step together, whatever their sampler asks for; each is the one that it would be alone.
    [Test]
    public void Generate_DrawsPicturesTogetherAsOneByOne([Values] SchedulerType sampler)
    {
        GenerationOptions options = ThreeSteps with { NegativePrompt = "green", Scheduler = sampler };
        GenerationResult together = TinyShapesModel.Pipeline().Generate(options with { ImageCount = 2 });
        GenerationResult alone = TinyShapesModel.Pipeline().Generate(options with { Seed = 4 });
        Assert.Multiple(() =>
        {
            Assert.That(together.Images[1].Latents.Bytes.SequenceEqual(alone.Images[0].Latents.Bytes));
            Assert.That(together.Images[1].Pixels.SequenceEqual(alone.Images[0].Pixels));
            Assert.That(together.Stages[1].WeightsBytesStreamed, Is.EqualTo(alone.Stages[1].WeightsBytesStreamed), "one pass for all pictures, and both halves of guidance");
            Assert.That(together.Stages[1].RunCount, Is.EqualTo(alone.Stages[1].RunCount));
        });
    }

    // Previews are those of each picture, in the order of steps.
    [Test]
    public void Generate_ShowsPreviewsOfAllPictures()
    {
        List<(int Image, int Step, byte[] Pixels)> together = [], alone = [];
        _ = TinyShapesModel.Pipeline().Generate(ThreeSteps with { ImageCount = 2, Preview = preview => together.Add((preview.Index, preview.Step, preview.Image.Pixels.ToArray())) });
        _ = TinyShapesModel.Pipeline().Generate(ThreeSteps with { Seed = 4, Preview = preview => alone.Add((1, preview.Step, preview.Image.Pixels.ToArray())) });
        Assert.That(together.Select(preview => (preview.Image, preview.Step)), Is.EqualTo(((int, int)[])[(0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (1, 3)]));
        Assert.That(together.Where(preview => preview.Image == 1).Select(preview => preview.Pixels), Is.EqualTo(alone.Select(preview => preview.Pixels)));
    }

    [Test]
    public void Generate_StartsFromTheSeedsNoise()
    {
        List<long> seeds = [];
        _ = TinyShapesModel.Pipeline().Generate(ThreeSteps with { Seed = null, RandomSource = Source });
        _ = TinyShapesModel.Pipeline().Generate(ThreeSteps with { Seed = null, RandomSource = Source });
        Assert.That(seeds, Has.Count.EqualTo(2).And.Unique);

        IRandomSource Source(long seed)
        {
            seeds.Add(seed);
            return new PhiloxRandomSource((ulong)seed);
        }
    }

    [Test]
    public void Generate_WithoutGuidanceRunsTheUnetOncePerStep()
    {
        GenerationResult result = TinyShapesModel.Pipeline().Generate(ThreeSteps with { GuidanceScale = 1 });
        Assert.That(result.Stages.Select(stage => stage.RunCount), Is.EqualTo((int[])[1, 3, 1]));
    }

    [Test]
    public void Generate_SaysHowMuchOfAPromptWasLeftOut() => Assert.That(
        TinyShapesModel.Pipeline().Generate(ThreeSteps with { Prompt = string.Concat(Enumerable.Repeat("red ", 20)), Steps = 1 }).DroppedTokenCount,
        Is.EqualTo(6));

    /// <summary>Stopped after any step and gone on with, by another pipeline, the pictures are the same to the bit: with every sampler.</summary>
    [Test]
    public void Generate_GoesOnWhereItWasStopped([Values] SchedulerType type)
    {
        GenerationOptions options = new() { Prompt = "a red circle", Seed = 5, Steps = 6, ImageCount = 2, Scheduler = type };
        List<IReadOnlyList<SamplingState>> saved = [];
        GenerationResult whole = TinyShapesModel.Pipeline().Generate(options with { Save = saved.Add, SaveInterval = 2 });
        Assert.That(saved.Select(states => states[0].Step), Is.EqualTo(new[] { 2, 4 }));
        foreach (IReadOnlyList<SamplingState> states in saved)
        {
            RecordingProgress progress = new();
            GenerationResult rest = TinyShapesModel.Pipeline().Generate(options with { Resume = states }, progress);
            Assert.That(rest.Images.Select(image => image.Pixels.ToArray()), Is.EqualTo(whole.Images.Select(image => image.Pixels.ToArray())));
            Assert.That(progress.Reports.First(report => report is { Stage: PipelineStage.Denoising, Step: > 0 }).Step, Is.EqualTo((2 * states[0].Step) + 1), "what was done is not done again");
        }
    }

    [Test]
    public void Generate_RefusesToGoOnWithSomethingElse()
    {
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline();
        List<IReadOnlyList<SamplingState>> saved = [];
        pipeline.Generate(ThreeSteps with { Save = saved.Add });
        GenerationOptions resumed = ThreeSteps with { Resume = saved[0] };
        Assert.That(() => pipeline.Generate(resumed with { Seed = null }), Throws.ArgumentException.With.Message.Contains("no seed"));
        Assert.That(() => pipeline.Generate(resumed with { ImageCount = 2 }), Throws.ArgumentException.With.Message.Contains("1 states for 2 pictures"));
        Assert.That(() => pipeline.Generate(resumed with { Resume = [saved[0][0] with { Sample = new float[7], History = [] }] }), Throws.ArgumentException.With.Message.Contains("not of the same options"));
        Assert.That(() => pipeline.Generate(resumed with { Steps = 1, Resume = saved[1] }), Throws.ArgumentException);
        Assert.That(() => pipeline.Generate(ThreeSteps with { SaveInterval = 0 }), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Generate_CanBeCancelled()
    {
        using CancellationTokenSource source = new();
        RecordingProgress progress = new() { OnReport = report => { if (report is { Stage: PipelineStage.Denoising, Step: 2 }) { source.Cancel(); } } };
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline();
        Assert.That(() => pipeline.Generate(ThreeSteps, progress, source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.Multiple(() =>
        {
            Assert.That(progress.Reports[^1], Is.EqualTo(new PipelineProgress(PipelineStage.Denoising, 2, 3)));
            Assert.That(() => pipeline.Generate(ThreeSteps), Throws.Nothing);
        });
    }

    [Test]
    public void Generate_RefusesOptionsThatMakeNoSense()
    {
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline();
        Assert.Multiple(() =>
        {
            Assert.That(() => pipeline.Generate(ThreeSteps with { Steps = 0 }), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => pipeline.Generate(ThreeSteps with { Steps = 1001 }), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => pipeline.Generate(ThreeSteps with { ImageCount = 0 }), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => pipeline.Generate(ThreeSteps with { GuidanceScale = float.NaN }), Throws.TypeOf<ArgumentOutOfRangeException>());
            Assert.That(() => pipeline.Generate(ThreeSteps with { Prompt = null! }), Throws.ArgumentNullException);
        });
    }

    [Test]
    public void Generate_RefusesATokenizerOfAnotherModel()
    {
        PipelineConfiguration configuration = PipelineConfiguration.FromFolder(TinyShapesModel.Folder);
        StableDiffusionPipeline pipeline = new(configuration with { Tokenizer = configuration.Tokenizer with { ContextLength = 77 } });
        Assert.That(() => pipeline.Generate(ThreeSteps), Throws.TypeOf<ModelFormatException>().With.Message.Contains("16").And.Message.Contains("77"));
    }

    [Test]
    public void Generate_GivesTheSamePicturesFromTheLayoutOfDiffusers()
    {
        using TemporaryFolder folder = new();
        foreach (string file in (string[])["text_encoder/model.onnx", "unet/model.onnx", "vae_decoder/model.onnx", "tokenizer/vocab.json", "tokenizer/merges.txt"])
        {
            _ = folder.Copy(Path.Combine(TinyShapesModel.Folder, file), file);
        }

        _ = folder.Write("model_index.json", """{ "_class_name": "OnnxStableDiffusionPipeline" }""");
        _ = folder.Write("tokenizer/tokenizer_config.json", """{ "model_max_length": 16 }""");
        _ = folder.Write("scheduler/scheduler_config.json", """{ "_class_name": "EulerAncestralDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear" }""");
        GenerationOptions options = ThreeSteps with { GuidanceScale = 5 };
        GeneratedImage expected = TinyShapesModel.Pipeline().Generate(options).Images.Single();
        GeneratedImage actual = StableDiffusionPipeline.FromFolder(folder.FullPath, new SessionOptions { ThreadCount = 1 }).Generate(options).Images.Single();
        Assert.That(actual.Pixels.SequenceEqual(expected.Pixels));
    }

    [TestCase(false, 1e-4)]
    [TestCase(true, 5e-3)]
    public void Generate_GivesTheSamePicturesFromTheLayoutOfOnnxStream(bool halfPrecision, double tolerance)
    {
        using TemporaryFolder folder = new();
        foreach ((string role, string name) in ((string, string)[])[("text_encoder", "text_encoder_fp32"), ("unet", "unet_fp16"), ("vae_decoder", "vae_decoder_fp16")])
        {
            Model.Load(TinyShapesModel.Model(role)).SaveOnnxStream(folder.Combine(name), halfPrecision);
        }

        // The vocabulary is in the order of its ids.
        using JsonDocument vocabulary = JsonDocument.Parse(File.ReadAllText(Path.Combine(TinyShapesModel.Folder, "tokenizer", "vocab.json")));
        _ = folder.Write("tokenizer/vocab.txt", string.Concat(vocabulary.RootElement.EnumerateObject().Select(token => token.Name + "\n")));
        _ = folder.Copy(Path.Combine(TinyShapesModel.Folder, "tokenizer", "merges.txt"), "tokenizer/merges.txt");
        PipelineConfiguration configuration = PipelineConfiguration.FromFolder(folder.FullPath);
        configuration = configuration with { Tokenizer = configuration.Tokenizer with { ContextLength = 16 } };
        GenerationOptions options = ThreeSteps with { GuidanceScale = 5 };
        GeneratedImage expected = TinyShapesModel.Pipeline().Generate(options).Images.Single();
        GeneratedImage actual = new StableDiffusionPipeline(configuration, new SessionOptions { ThreadCount = 1 }).Generate(options).Images.Single();
        Assert.That(TinyShapesModel.RelativeError(actual.Latents, expected.Latents), Is.LessThan(tolerance));
    }

    private static void VerifyAtLeast(int expected, Scene[] scenes, Func<Verdict, bool> isRight)
    {
        StableDiffusionPipeline pipeline = TinyShapesModel.Pipeline();
        int right = 0;
        for (int i = 0; i < scenes.Length; i++)
        {
            GeneratedImage image = pipeline.Generate(new GenerationOptions
            {
                Prompt = scenes[i].Caption,
                Seed = 1000 + i,
                Steps = 20,
                GuidanceScale = 5,
                Scheduler = SchedulerType.EulerAncestral,
            }).Images.Single();
            Verdict verdict = PixelChecker.Judge(image.Image, scenes[i]);
            right += isRight(verdict) ? 1 : 0;
            TestContext.Out.WriteLine($"{(isRight(verdict) ? "right" : "WRONG")}  {scenes[i].Caption}  {verdict}");
        }

        Assert.That(right, Is.GreaterThanOrEqualTo(expected), $"{right} of {scenes.Length}");
    }

    private sealed class RecordingProgress : IProgress<PipelineProgress>
    {
        public List<PipelineProgress> Reports { get; } = [];

        public Action<PipelineProgress>? OnReport { get; init; }

        public void Report(PipelineProgress value)
        {
            Reports.Add(value);
            OnReport?.Invoke(value);
        }
    }
}
