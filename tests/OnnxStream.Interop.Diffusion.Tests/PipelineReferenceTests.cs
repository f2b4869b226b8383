using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

/// <summary>Whole generations with small random models of each architecture, against loops in PyTorch (<c>Reference/pipelines.py</c>): the sample after every step.</summary>
public class PipelineReferenceTests
{
    private const int Width = 24, Height = 16;

    private static readonly GenerationOptions Guided = new()
    {
        Prompt = "a red circle",
        NegativePrompt = "blue",
        Steps = 4,
        GuidanceScale = 5,
        Scheduler = SchedulerType.Euler,
        RandomSourceType = RandomSourceType.Torch,
        Width = Width,
        Height = Height,
    };

    [Test]
    public void StableDiffusion() => Verify("sd", Guided with { Seed = 1 });

    [Test]
    public void VelocityWithZeroTerminalSnr_AndRescaledGuidanceInPartOfTheSteps() => Verify(
        "velocity",
        Guided with { Seed = 2, GuidanceScale = 4, GuidanceRescale = 0.7f, GuidanceEnd = 0.5f, Scheduler = null },
        scheduler: """{ "_class_name": "DDIMScheduler", "prediction_type": "v_prediction", "rescale_betas_zero_snr": true, "timestep_spacing": "trailing" }""");

    [Test]
    public void PromptsWithWeightsChangesAndBreaks_AndClipSkip() => Verify(
        "prompt", Guided with { Seed = 3, ClipSkip = 2, Prompt = "(red:1.4) circle BREAK [square:[triangle]:2]" });

    [Test]
    public void ImageToImage() => Verify("image", Guided with { Seed = 4, Steps = 6, Strength = 0.5f, Image = Picture(0) });

    [Test]
    public void InpaintingWithAPlainUnet()
    {
        GenerationOptions options = Guided with { Seed = 5, Steps = 6, Strength = 0.7f, Image = Picture(0), Mask = LeftHalf(), MaskBlur = 0 };
        GeneratedImage image = Verify("mask", options);

        // What was not to be drawn is the picture itself.
        for (int i = 0; i < image.Pixels.Length; i++)
        {
            if (i / 3 % Width >= Width / 2)
            {
                Assert.That(image.Pixels[i], Is.EqualTo(options.Image!.Pixels[i]));
            }
        }
    }

    [Test]
    public void InpaintingWithAUnetForIt() => Verify(
        "inpaint", Guided with { Seed = 6, Strength = 1, Image = Picture(0), Mask = LeftHalf(), MaskBlur = 0 }, unet: "unet_inpaint");

    [Test]
    public void Sdxl() => Verify("xl", Guided with { Seed = 7, NegativePrompt = "" }, unet: "unet_xl", isXl: true);

    [Test]
    public void LatentConsistency() => Verify("lcm", Guided with { Seed = 8, GuidanceScale = 8, Scheduler = SchedulerType.Lcm }, unet: "unet_lcm");

    [Test]
    public void WithAControlNet() => Verify("control", Guided with { Seed = 9, ControlImage = Picture(1), ControlScale = 0.8f }, unet: "unet_control", hasControlNet: true);

    [Test]
    public void AnySizeInSteps()
    {
        using TemporaryFolder folder = Folder();
        StableDiffusionPipeline pipeline = Pipeline(folder);
        GeneratedImage image = pipeline.Generate(Guided with { Width = 32, Height = 12, Steps = 1 }).Images.Single();
        Assert.Multiple(() =>
        {
            Assert.That((image.Width, image.Height), Is.EqualTo((32, 12)));
            Assert.That(image.Latents.Shape, Is.EqualTo(new Shape(1, 4, 6, 16)));
            Assert.That(() => pipeline.Generate(Guided with { Width = 33 }), Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.Contains("multiple of 2"));
        });
    }

    [Test]
    public void LongPromptsHaveRoomWhereTheModelLeavesItOpen()
    {
        using TemporaryFolder folder = Folder();
        Assert.That(Pipeline(folder).Generate(Guided with { Steps = 1, Prompt = string.Concat(Enumerable.Repeat("red ", 40)) }).DroppedTokenCount, Is.Zero);
    }

    [Test]
    public void LatentsCanBeDecodedAgain()
    {
        using TemporaryFolder folder = Folder();
        StableDiffusionPipeline pipeline = Pipeline(folder);
        GeneratedImage image = pipeline.Generate(Guided with { Seed = 1 }).Images.Single();
        Assert.Multiple(() =>
        {
            Assert.That(pipeline.Decode(image.Latents).Single().Pixels.SequenceEqual(image.Pixels));
            Assert.That(() => pipeline.Decode(new TensorBuffer(ElementType.Float32, new Shape(1, 3, 4, 4))), Throws.ArgumentException.With.Message.Contains("[pictures,4,height,width]"));
        });
    }

    [Test]
    public void WhatAFolderLacksIsNamedBeforeWork()
    {
        RecordingProgress progress = new();
        using TemporaryFolder plain = Folder();
        using TemporaryFolder xlUnet = Folder("unet_xl");
        using TemporaryFolder inpainting = Folder("unet_inpaint");
        using TemporaryFolder control = Folder("unet_control");
        using TemporaryFolder withoutEncoder = Folder();
        File.Delete(withoutEncoder.Combine("vae_encoder/model.onnx"));
        using TemporaryFolder mixed = Folder(isXl: true);
        Assert.Multiple(() =>
        {
            Refuses(xlUnet, Guided, "text_encoder_2");
            Refuses(mixed, Guided, "takes no text_embeds");
            Refuses(inpainting, Guided, "a picture and a mask");
            Refuses(inpainting, Guided with { Width = 32, Image = new RgbImage(32, 16), Mask = new RgbImage(32, 16) }, "pictures of 24x16 alone; 32x16");
            Refuses(control, Guided, "a control picture is needed");
            Refuses(plain, Guided with { ControlImage = Picture(0) }, "controlnet/model.onnx");
            Refuses(withoutEncoder, Guided with { Image = Picture(0) }, "vae_encoder/model.onnx");
            Refuses(plain, Guided with { Image = Picture(0), Mask = new RgbImage(8, 8) }, "mask has 8x8 pixels, the picture 24x16");
            Refuses(plain, Guided with { Mask = LeftHalf() }, "needs the picture");
            Refuses(plain, Guided with { Image = Picture(0), Width = 32 }, "24x16 pixels; 32x16");
            Refuses(plain, Guided with { Image = Picture(0), Strength = 0.1f }, "leaves no step");
            Refuses(plain, Guided with { GuidanceRescale = 1.5f }, "from 0 to 1");
            Assert.That(progress.Count, Is.Zero);
        });

        void Refuses(TemporaryFolder folder, GenerationOptions options, string expected)
        {
            Assert.That(() => Pipeline(folder).Generate(options, progress), Throws.InstanceOf<ArgumentException>().Or.InstanceOf<ModelFormatException>().With.Message.Contains(expected), expected);
            Assert.That(() => Pipeline(folder).Plan(options), Throws.InstanceOf<ArgumentException>().Or.InstanceOf<ModelFormatException>().With.Message.Contains(expected), expected);
        }
    }

    [Test]
    public void ClipSkipNeedsInnerLayers() => Assert.That(
        () => TinyShapesModel.Pipeline().Generate(new GenerationOptions { Prompt = "", Steps = 1, ClipSkip = 2 }), Throws.TypeOf<ModelFormatException>().With.Message.Contains("hidden_states.0"));

    // What is planned is what a generation does, of every architecture.
    [Test]
    public void PlansSayWhatIsDone([Values("unet", "unet_xl", "unet_lcm", "unet_inpaint", "unet_control")] string unet)
    {
        bool isXl = unet == "unet_xl", hasControlNet = unet == "unet_control", hasPicture = unet is "unet_inpaint" or "unet";
        using TemporaryFolder folder = Folder(unet, isXl, hasControlNet);
        GenerationOptions options = Guided with
        {
            Seed = 1,
            Image = hasPicture ? Picture(0) : null,
            Mask = hasPicture ? LeftHalf() : null,
            ControlImage = hasControlNet ? Picture(1) : null,
        };
        StableDiffusionPipeline free = StableDiffusionPipeline.FromFolder(folder.FullPath, new SessionOptions { ThreadCount = 1, KeptPanelBytes = 0 });
        GenerationPlan plan = free.Plan(options);
        GenerationResult result = free.Generate(options);
        Assert.That(plan.Stages.Select(stage => (stage.Stage, stage.RunCount)), Is.EqualTo(result.Stages.Select(stage => (stage.Stage, stage.RunCount))));

        // The rows of a table that tokens choose are in no plan.
        (long, long)[] bytes = [.. plan.Stages.Zip(result.Stages, (planned, done) => (planned.Stage == PipelineStage.TextEncoding ? 0 : planned.WeightsBytes, planned.Stage == PipelineStage.TextEncoding ? 0 : done.WeightsBytesStreamed))];
        Assert.That(bytes.Select(pair => pair.Item1), Is.EqualTo(bytes.Select(pair => pair.Item2)));
        Assert.That(plan.Stages.Select(stage => stage.Model), Has.Exactly(1).EqualTo("UNET"));

        // The smallest budget does for all of them, those that are open together included.
        StableDiffusionPipeline least = StableDiffusionPipeline.FromFolder(folder.FullPath, new SessionOptions { ThreadCount = 1, KeptPanelBytes = 0, MemoryBudget = plan.SmallestBudgetBytes });
        Assert.That(least.Plan(options).PeakBytes, Is.AtMost(plan.SmallestBudgetBytes));
        Assert.That(least.Generate(options).Images[0].Latents.Bytes.SequenceEqual(result.Images[0].Latents.Bytes));
    }

    [Test]
    public void ABudgetThatHasNoRoomForThePictureHasItDecodedInTiles()
    {
        using TemporaryFolder folder = Folder();
        TensorBuffer latents = VaeDecoderTests.Noise(128, 160);
        GenerationPlan whole = Pipeline(folder).PlanDecoding(latents, new VaeTiling());
        Assert.That((whole.Stages[0].RunCount, whole.Stages[0].TileWidth), Is.EqualTo((1, (int?)null)));
        Assert.That(whole.SmallestBudgetBytes, Is.LessThan(whole.PeakBytes / 2), "tiles may be smaller");
        long budget = (whole.PeakBytes + whole.SmallestBudgetBytes) / 2;
        StableDiffusionPipeline small = StableDiffusionPipeline.FromFolder(folder.FullPath, new SessionOptions { ThreadCount = 1, MemoryBudget = budget });
        GenerationPlan tiled = small.PlanDecoding(latents, new VaeTiling());
        Assert.That(tiled.Stages[0].TileWidth, Is.GreaterThan(VaeTiling.SmallestTileSize - 1).And.LessThan(320));
        Assert.That(tiled.PeakBytes, Is.AtMost(budget));
        RgbImage expected = Pipeline(folder).Decode(latents)[0], actual = small.Decode(latents)[0];
        Assert.That((actual.Width, actual.Height), Is.EqualTo((320, 256)));
        for (int i = 0; i < expected.Pixels.Length; i++)
        {
            Assert.That(actual.Pixels[i], Is.EqualTo(expected.Pixels[i]).Within(1));
        }

        Assert.That(() => small.Decode(latents, new VaeTiling { Mode = VaeTilingMode.Off }), Throws.TypeOf<MemoryBudgetException>());
        Assert.That(() => small.Decode(latents, new VaeTiling { TileSize = 33 }), Throws.InstanceOf<ArgumentException>().With.Message.Contains("multiple of 2"));
    }

    // The second drawing against a loop that is written out here: stretched latents with the seed's noise, and the last steps of a schedule of which the strength takes a part.
    [TestCase(1.5f, 3, 0.5f)]
    [TestCase(2f, null, 0.8f)]
    public void HiresFixDrawsAgainFromTheLargerPicture(float scale, int? steps, float strength)
    {
        using TemporaryFolder folder = Folder();
        StableDiffusionPipeline pipeline = Pipeline(folder);
        GenerationOptions options = Guided with { Seed = 11 };
        TensorBuffer small = pipeline.Generate(options).Images[0].Latents;
        RecordingProgress progress = new();
        GenerationResult result = pipeline.Generate(options with { Hires = new HiresFix { Scale = scale, Steps = steps, Strength = strength } }, progress);
        GeneratedImage image = result.Images[0];
        (int height, int width) = ((int)(Height / 2 * scale), (int)(Width / 2 * scale));
        int taken = steps ?? 4, all = (int)(taken / strength);
        IScheduler scheduler = ((SchedulerOptions)SchedulerType.Euler).Create(pipeline.Configuration.NoiseSchedule, all);
        float[] sample = new float[4 * height * width];
        TorchRandomSource random = new(11);
        random.NextNormal(sample);
        TensorBuffer start = LatentStretch.Stretch(small, height, width);
        for (int i = 0; i < sample.Length; i++)
        {
            sample[i] = (sample[i] * (float)scheduler.Sigmas[all - taken]) + start.Span<float>()[i];
        }

        using TextEncoder encoder = new(pipeline.Configuration.TextEncoderPath);
        ClipTokenizer tokenizer = new(pipeline.Configuration.Tokenizer);
        IReadOnlyList<TensorBuffer> states = encoder.Encode([tokenizer.Encode("blue"), tokenizer.Encode("a red circle")]);
        using Unet unet = new(pipeline.Configuration.UnetPath);
        ISamplingRun run = scheduler.Start(sample, random, all - taken);
        while (!run.IsDone)
        {
            Evaluation next = run.Next;
            TensorBuffer input = new(ElementType.Float32, new Shape(1, 4, height, width));
            Preconditioning.ToInput(next.Sample.Span, next.Sigma, input.Span<float>());
            IReadOnlyList<TensorBuffer> noise = unet.Predict(input, next.Timestep, states);
            float[] output = [.. noise[0].Span<float>().ToArray().Zip(noise[1].Span<float>().ToArray(), (negative, positive) => negative + (5 * (positive - negative)))];
            Preconditioning.ToDenoised(PredictionType.Epsilon, next.Sample.Span, next.Sigma, output);
            run.Continue(output);
        }

        Assert.That((image.Width, image.Height), Is.EqualTo((width * 2, height * 2)));
        Assert.That(TinyShapesModel.RelativeError(image.Latents, TensorBuffer.Create(run.Result.Span, 1, 4, height, width)), Is.LessThan(1e-5));
        Assert.That(result.Stages.Select(stage => (stage.Stage, stage.RunCount)), Is.EqualTo(((PipelineStage, int)[])
            [(PipelineStage.TextEncoding, 1), (PipelineStage.Denoising, 4), (PipelineStage.Denoising, taken), (PipelineStage.Decoding, 1)]));
        Assert.That(pipeline.Plan(options with { Hires = new HiresFix { Scale = scale, Steps = steps, Strength = strength } }).Stages.Select(stage => stage.RunCount), Is.EqualTo((int[])[1, 4, taken, 1]));
        Assert.That(image.Parameters, Is.EqualTo(GenerationParameters.Parse(image.Parameters.ToString())), "the file says it");
        Assert.That((image.Parameters.Width, image.Parameters.HiresScale, image.Parameters.HiresSteps, image.Parameters.HiresUpscaler), Is.EqualTo((Width, scale, taken, "Latent")));
    }

    // A network that doubles pictures (and blurs them a little) stands between the drawings.
    [Test]
    public void HiresFixWithANetwork()
    {
        using TemporaryFolder folder = Folder();
        string network = Path.Combine(Root, "..", "upscaler", "open.onnx");
        GenerationOptions options = Guided with { Seed = 11, ImageCount = 2, Hires = new HiresFix { Scale = 1.5f, Steps = 2, UpscalerPath = network } };
        GenerationResult result = Pipeline(folder).Generate(options);
        GenerationPlan plan = Pipeline(folder).Plan(options);
        PipelineStage[] expected =
            [PipelineStage.TextEncoding, PipelineStage.Denoising, PipelineStage.Decoding, PipelineStage.Upscaling, PipelineStage.ImageEncoding, PipelineStage.Denoising, PipelineStage.Decoding];
        Assert.That(result.Stages.Select(stage => stage.Stage), Is.EqualTo(expected));
        Assert.That(plan.Stages.Select(stage => (stage.Stage, stage.RunCount)), Is.EqualTo(result.Stages.Select(stage => (stage.Stage, stage.RunCount))));
        Assert.That(result.Images.Select(image => (image.Width, image.Height)), Has.All.EqualTo((36, 24)));
        Assert.That(result.Images[0].Parameters.HiresUpscaler, Is.EqualTo("open"));
        GeneratedImage latent = Pipeline(folder).Generate(options with { Hires = options.Hires with { UpscalerPath = null } }).Images[0];
        Assert.That(latent.Pixels.SequenceEqual(result.Images[0].Pixels), Is.False);
    }

    [Test]
    public void HiresFixRefusesWhatItCannotDo()
    {
        using TemporaryFolder folder = Folder();
        using TemporaryFolder fixedSize = Folder("unet_xl", isXl: true);
        File.Delete(folder.Combine("vae_encoder/model.onnx"));
        Assert.Multiple(() =>
        {
            Refuses(folder, new HiresFix { Scale = 1 }, "more than 1");
            Refuses(folder, new HiresFix { Scale = float.NaN }, "more than 1");
            Refuses(folder, new HiresFix { Strength = 0 }, "more than 0");
            Refuses(folder, new HiresFix { Steps = 0 }, "at least 1");
            Refuses(folder, new HiresFix { Steps = 600 }, "at most 500");
            Refuses(folder, new HiresFix { UpscalerPath = Path.Combine(Root, "..", "upscaler", "open.onnx") }, "vae_encoder");
            Refuses(fixedSize, new HiresFix(), "24x16 alone; 48x32");
            Assert.That(() => Pipeline(folder).Plan(Guided with { Image = Picture(0), Hires = new HiresFix() }), Throws.InstanceOf<Exception>());
        });

        void Refuses(TemporaryFolder model, HiresFix hires, string expected) => Assert.That(
            () => Pipeline(model).Generate(Guided with { Hires = hires }), Throws.InstanceOf<ArgumentException>().Or.InstanceOf<ModelFormatException>().With.Message.Contains(expected), expected);
    }

    private static GeneratedImage Verify(
        string name, GenerationOptions options, string unet = "unet", bool isXl = false, bool hasControlNet = false, string scheduler = """{ "_class_name": "EulerDiscreteScheduler" }""")
    {
        using TemporaryFolder folder = Folder(unet, isXl, hasControlNet, scheduler);
        TensorBuffer expected = NpyFile.Read(Path.Combine(Root, name + ".npy"));
        int length = (int)(expected.Shape.ElementCount / expected.Shape[0]);
        List<double> errors = [];
        GeneratedImage image = Pipeline(folder).Generate(options with
        {
            Preview = preview =>
            {
                ReadOnlySpan<float> actual = preview.State.Sample.Span, right = expected.Span<float>().Slice((preview.Step - 1) * length, length);
                double difference = 0, size = 0;
                for (int i = 0; i < length; i++)
                {
                    difference = Math.Max(difference, Math.Abs(actual[i] - right[i]));
                    size = Math.Max(size, Math.Abs(right[i]));
                }

                errors.Add(difference / size);
                Assert.That((preview.Image.Width, preview.Image.Height), Is.EqualTo((Width / 2, Height / 2)));
            },
        }).Images.Single();
        TestContext.Out.WriteLine(string.Join(", ", errors.Select(error => $"{error:g2}")));
        Assert.That(errors, Has.Count.EqualTo((int)expected.Shape[0]));
        Assert.That(errors, Has.All.LessThan(1e-4));
        Assert.That((image.Width, image.Height), Is.EqualTo((Width, Height)));
        return image;
    }

    private static string Root => Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "pipelines");

    private static TemporaryFolder Folder(string unet = "unet", bool isXl = false, bool hasControlNet = false, string scheduler = """{ "_class_name": "EulerDiscreteScheduler" }""")
    {
        TemporaryFolder folder = new();
        foreach ((string model, string role) in ((string, string)[])[
            ("text_encoder", "text_encoder"), (unet, "unet"), ("vae_decoder", "vae_decoder"), ("vae_encoder", "vae_encoder"),
            .. isXl ? [("text_encoder_2", "text_encoder_2")] : ((string, string)[])[], .. hasControlNet ? [("controlnet", "controlnet")] : ((string, string)[])[]])
        {
            _ = folder.Copy(Path.Combine(Root, model, "model.onnx"), $"{role}/model.onnx");
        }

        foreach (string tokenizer in isXl ? (string[])["tokenizer", "tokenizer_2"] : ["tokenizer"])
        {
            _ = folder.Copy(Path.Combine(TinyShapesModel.Folder, "tokenizer", "vocab.json"), $"{tokenizer}/vocab.json");
            _ = folder.Copy(Path.Combine(TinyShapesModel.Folder, "tokenizer", "merges.txt"), $"{tokenizer}/merges.txt");
            _ = folder.Write($"{tokenizer}/tokenizer_config.json", """{ "model_max_length": 16 }""");
        }

        _ = folder.Write("model_index.json", isXl ? """{ "_class_name": "ORTStableDiffusionXLPipeline", "force_zeros_for_empty_prompt": true }""" : """{ "_class_name": "OnnxStableDiffusionPipeline" }""");
        _ = folder.Write("scheduler/scheduler_config.json", scheduler);
        _ = folder.Write("vae_decoder/config.json", """{ "scaling_factor": 0.18215, "block_out_channels": [8, 8] }""");
        return folder;
    }

    private static StableDiffusionPipeline Pipeline(TemporaryFolder folder) => StableDiffusionPipeline.FromFolder(folder.FullPath, new SessionOptions { ThreadCount = 1 });

    // The same formula as in the program.
    private static RgbImage Picture(int seed)
    {
        RgbImage image = new(Width, Height);
        for (int i = 0; i < image.Pixels.Length; i++)
        {
            int pixel = i / 3;
            image.Pixels[i] = (byte)((pixel % Width * 9) + (pixel / Width * 5) + (i % 3 * 40) + (seed * 31));
        }

        return image;
    }

    private static RgbImage LeftHalf()
    {
        RgbImage mask = new(Width, Height);
        for (int i = 0; i < mask.Pixels.Length; i++)
        {
            mask.Pixels[i] = (byte)(i / 3 % Width < Width / 2 ? 255 : 0);
        }

        return mask;
    }

    private sealed class RecordingProgress : IProgress<PipelineProgress>
    {
        public int Count { get; private set; }

        public void Report(PipelineProgress value) => Count++;
    }
}
