using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Tests;

public class GenerationParametersTests
{
    private static readonly GenerationParameters Parameters = new()
    {
        Prompt = "a red circle",
        NegativePrompt = "ugly, blurry",
        Steps = 20,
        Sampler = "Euler a",
        Schedule = "Uniform",
        GuidanceScale = 7.5f,
        Seed = 42,
        Width = 64,
        Height = 32,
        Model = "tiny-shapes",
    };

    [Test]
    public void ToString_IsWhatOtherProgramsRead() => Assert.That(
        Parameters.ToString(),
        Is.EqualTo("a red circle\nNegative prompt: ugly, blurry\nSteps: 20, Sampler: Euler a, Schedule type: Uniform, CFG scale: 7.5, Seed: 42, Size: 64x32, Model: tiny-shapes, Version: OnnxStream.Interop"));

    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void ToString_IsTheSameUnderEveryCulture(string culture)
    {
        GenerationParameters parameters = Parameters with { GuidanceScale = -1.5f };
        Assert.That(TestCulture.Under(culture, parameters.ToString), Does.Contain("CFG scale: -1.5, Seed: 42"));
    }

    [Test]
    public void ToString_LeavesAnEmptyNegativePromptOut() => Assert.That(
        (Parameters with { NegativePrompt = "" }).ToString(), Does.StartWith("a red circle\nSteps: 20, "));

    [Test]
    public void Parse_ReadsWhatToStringWrites()
    {
        GenerationParameters parameters = Parameters with
        {
            Prompt = "a red circle,\nsecond line: (x:1.2)",
            Model = "a, \"b\": \\c",
            Strength = 0.6f,
            HiresScale = 1.5f,
            HiresSteps = 12,
            HiresUpscaler = "R-ESRGAN 4x+, sharp",
            ClipSkip = 2,
            GuidanceRescale = 0.7f,
            Eta = 0.5,
            Seed = long.MaxValue,
            RandomSource = RandomSourceType.Torch,
        };
        Assert.That(GenerationParameters.Parse(parameters.ToString()), Is.EqualTo(parameters));
        Assert.That(GenerationParameters.Parse((Parameters with { NegativePrompt = "" }).ToString()), Is.EqualTo(Parameters with { NegativePrompt = "" }));
    }

    [TestCase("Hires upscale: 2, Hires steps: 10, Hires upscaler: Latent", 2f, 10, "Latent")]
    [TestCase("Hires resize: 1024x1536, Hires upscaler: R-ESRGAN 4x+", 2f, null, "R-ESRGAN 4x+")]
    [TestCase("Clip skip: 2", null, null, null)]
    public void Parse_ReadsHiresFix(string settings, float? scale, int? steps, string? upscaler)
    {
        GenerationParameters parameters = GenerationParameters.Parse($"a lighthouse\nSteps: 25, Sampler: Euler, CFG scale: 7, Seed: 9, Size: 512x768, Denoising strength: 0.7, {settings}");
        Assert.That((parameters.HiresScale, parameters.HiresSteps, parameters.HiresUpscaler, parameters.Strength, parameters.Width), Is.EqualTo((scale, steps, upscaler, 0.7f, 512)));
    }

    [Test]
    public void Parse_RefusesHiresFixToOtherProportions() => Assert.That(
        () => GenerationParameters.Parse("a lighthouse\nSteps: 25, Sampler: Euler, CFG scale: 7, Seed: 9, Size: 512x768, Hires resize: 1024x1024"), Throws.TypeOf<FormatException>().With.Message.Contains("proportions"));

    [Test]
    public void Parse_ReadsWhatWebInterfacesWrite()
    {
        GenerationParameters parameters = GenerationParameters.Parse(
            "astronaut, (sharp:1.2)\r\nNegative prompt: blurry,\r\nugly\r\nSteps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned, Denoising strength: 0.55, Clip skip: 2, RNG: CPU, Lora hashes: \"a: 1, b: 2\", Version: v1.9.3");
        Assert.That(parameters, Is.EqualTo(new GenerationParameters
        {
            Prompt = "astronaut, (sharp:1.2)",
            NegativePrompt = "blurry,\nugly",
            Steps = 25,
            Sampler = "DPM++ 2M",
            Schedule = "Karras",
            GuidanceScale = 7,
            Seed = 965400086,
            Width = 512,
            Height = 768,
            Model = "v1-5-pruned",
            Strength = 0.55f,
            ClipSkip = 2,
            RandomSource = RandomSourceType.Torch,
        }));
    }

    [TestCase("a red circle", "no line of settings")]
    [TestCase("a\nSteps: 20, Sampler: Euler", "no \"Size\"")]
    [TestCase("a\nSteps: many, Sampler: Euler, Seed: 1, Size: 64x64", "\"Steps\" should be a number")]
    [TestCase("a\nSteps: 20, Sampler: Euler, Seed: 1, Size: 64", "\"Size\" should be a number")]
    public void Parse_RefusesOthers(string text, string expected) =>
        Assert.That(() => GenerationParameters.Parse(text), Throws.TypeOf<FormatException>().With.Message.Contains(expected));
}
