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

        void Refuses(TemporaryFolder folder, GenerationOptions options, string expected) => Assert.That(
            () => Pipeline(folder).Generate(options, progress), Throws.InstanceOf<ArgumentException>().Or.InstanceOf<ModelFormatException>().With.Message.Contains(expected), expected);
    }

    [Test]
    public void ClipSkipNeedsInnerLayers() => Assert.That(
        () => TinyShapesModel.Pipeline().Generate(new GenerationOptions { Prompt = "", Steps = 1, ClipSkip = 2 }), Throws.TypeOf<ModelFormatException>().With.Message.Contains("hidden_states.0"));

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
